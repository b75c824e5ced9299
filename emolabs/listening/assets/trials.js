// The recordings: practice with feedback, then the trials. Each is answered once.

const PLAY = $("play").querySelector("span").textContent;
const LISTEN = $("hint").textContent;

function beginTrial() {
  const interrupted = session.plays > 0; // it was begun before a reload: its response time cannot be known any more
  trial = { heard: false, ended: null, chosen: null, interrupted };
  $("trial-form").reset();
  problem($("trial-form"), null);
  lock(true);
  $("leave-out").hidden = true;
  $("hint").textContent = LISTEN;
  $("said").textContent = ""; // so that the same words are a change, which is read out
  $("play").querySelector("span").textContent = PLAY;
  show("trial", $("play"));
}

function lock(locked) {
  for (const id of ["answer", "confidence", "submit"]) $(id).disabled = locked;
}

function playTrial() {
  const started = play(steps(session)[session.step].clip, $("play"), (heard) => {
    $("play").querySelector("span").textContent = say("again");
    if (!heard) {
      problem($("trial-form"), "failed");
      $("leave-out").hidden = false;
      return;
    }
    problem($("trial-form"), null);
    if (trial.heard) return;
    trial.heard = true;
    trial.ended = performance.now();
    lock(false);
    $("hint").textContent = $("said").textContent = say("now_answer");
  });
  if (!started) return;
  session.plays += 1;
  keepSession();
}

$("play").addEventListener("click", playTrial);
$("answer").addEventListener("change", () => { trial.chosen = performance.now(); });

onSubmit("trial-form", (form) => {
  if (screen !== "trial" || !trial.heard) return; // the second half of a double click
  const given = new FormData(form);
  for (const [field, key] of [["answer", "choose_answer"], ["confidence", "choose_sure"]])
    if (!given.has(field)) return problem(form, key, $(field).querySelector("input"));
  const { clip, position, practice } = steps(session)[session.step];
  session.record.trials.push({
    position,
    role: clip.role,
    clip: clip.code,
    answer: given.get("answer"),
    confidence: Number(given.get("confidence")),
    plays: session.plays,
    response_time_s: trial.interrupted ? null : Math.round(trial.chosen - trial.ended) / 1000,
  });
  moveOn();
  if (practice) showFeedback(clip, given.get("answer"));
  else enter();
});

$("leave-out").addEventListener("click", () => {
  moveOn();
  enter();
});

/** Count the recording at hand as done and keep everything, before the next is shown. */
function moveOn() {
  const last = steps(session)[session.step];
  session.step += 1;
  session.plays = 0;
  trial = null;
  const next = steps(session)[session.step];
  if (!next) session.record.finished = now();
  session.stage = !next ? "thanks" : last.practice && !next.practice ? "ready" : "trial";
  session.delivered = false;
  keepSession();
}

function showFeedback(clip, answer) {
  const same = clip.emotion === answer;
  $("feedback").querySelector("h1").textContent = say(same ? "same" : "different");
  $("meant").textContent = say("meant", { emotion: study.emotions[clip.emotion] });
  $("chosen").textContent = say("chosen", { emotion: study.emotions[answer] });
  $("feedback-again").onclick = () => play(clip, $("feedback-again"), () => {});
  show("feedback");
}

$("feedback-next").addEventListener("click", enter);
$("ready-go").addEventListener("click", () => go("trial"));

// Number keys choose where the focus is, in the emotions or in the scale.
document.addEventListener("keydown", (event) => {
  if (event.repeat && event.key === "Enter") return event.preventDefault(); // a key held down answers one trial only
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (screen !== "trial" || !$("keys").checked) return;
  if (event.key.toLowerCase() === "p") playTrial();
  if (!/^[1-9]$/.test(event.key) || !trial.heard) return;
  const group = $("confidence").contains(document.activeElement) ? "confidence" : "answer";
  const input = $(group).querySelectorAll("input")[Number(event.key) - 1];
  input?.focus();
  input?.click();
});
