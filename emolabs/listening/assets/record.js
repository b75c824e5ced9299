// The record of one participant: how it begins, where it is kept, what files it becomes and how it is sent.
// `study` is what the page was built with; nothing here touches the screen.

const study = JSON.parse(document.getElementById("study").textContent);
const KEY = `emolabs-listening:${study.study}:${study.digest}`;
const LETTERS = "bcdfghjkmnpqrstvwxz"; // consonants: no words, and nothing that a spreadsheet takes for a number
const REPLY_MS = 20000;

const random = (below) => crypto.getRandomValues(new Uint32Array(1))[0] % below;
const now = () => new Date().toISOString();

/** A session: the record as it is exported, and where its participant is. */
function begin() {
  const background = Object.fromEntries(study.background.map((field) => [field, null]));
  return {
    stage: "background", // the screen to come back to
    step: 0, // recordings behind us, of `steps`
    plays: 0, // of the recording at hand
    delivered: false, // sent, or handed to the browser as a file
    sent: false,
    visits: 0, // makes every continuation a change, which other tabs are told of
    record: {
      format: study.format,
      study: study.study,
      digest: study.digest,
      participant: Array.from({ length: 10 }, () => LETTERS[random(LETTERS.length)]).join(""),
      order: random(study.orders.length),
      started: now(),
      finished: null,
      language: study.language,
      background,
      trials: [],
    },
  };
}

/** Every recording of this participant in turn: the practice, then the order; `position` counts within each. */
function steps(session) {
  const practice = study.clips.filter((clip) => clip.role === "practice");
  const order = study.orders[session.record.order].map((index) => study.clips[index]);
  return [practice, order].flatMap((part) =>
    part.map((clip, i) => ({ clip, position: i + 1, total: part.length, practice: part === practice })),
  );
}

/** The session that this browser has kept of this version of the study, or null. */
function recall() {
  try {
    const session = JSON.parse(localStorage.getItem(KEY));
    return session?.record?.format === study.format && session.record.order in study.orders ? session : null;
  } catch {
    return null;
  }
}

/** Keep the session; false where the storage is full or denied, and the memory of this tab has to do. */
function keep(session) {
  try {
    localStorage.setItem(KEY, JSON.stringify(session));
    return true;
  } catch {
    return false;
  }
}

function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // nothing was kept
  }
}

/** A cell of a CSV file, quoted; a spreadsheet would run what begins as a formula, so that gets an apostrophe. */
function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return `"${(/^[=+\-@\t\r]/.test(text) ? "'" + text : text).replaceAll('"', '""')}"`;
}

/** The record as CSV, a row a trial; who has answered nothing has one row without a trial. */
function table({ background, trials, ...rest }) {
  const empty = Object.fromEntries(study.columns.map((column) => [column, null]));
  const rows = (trials.length ? trials : [{}]).map((trial) => ({ ...empty, ...rest, ...background, ...trial }));
  const lines = [study.columns, ...rows.map((row) => study.columns.map((column) => row[column]))];
  return lines.map((line) => line.map(cell).join(",") + "\r\n").join("");
}

const FILES = {
  json: { type: "application/json", text: (record) => JSON.stringify(record, null, 1) + "\n" },
  csv: { type: "text/csv", text: table },
};

/** Hand the record to the browser as a file. Nothing tells a page whether it has arrived. */
function download(record, kind) {
  const { type, text } = FILES[kind];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text(record)], { type }));
  link.download = `${record.study}-${record.participant}.${kind}`.replace(/[^\w.-]+/g, "_");
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** Send the record, again after each of the waits; whether it was taken. A repeated record has the same participant. */
async function send(record) {
  for (const wait_s of [0, ...study.retries_s]) {
    await new Promise((done) => setTimeout(done, 1000 * wait_s));
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), REPLY_MS);
    try {
      const reply = await fetch(study.post_to, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(record),
        credentials: "omit",
        redirect: "error",
        signal: limit.signal,
      });
      if (reply.ok) return true;
    } catch {
      // no network, no answer in time, or the server does not let this page send: the next try may do better
    } finally {
      clearTimeout(timer);
    }
  }
  return false;
}
