// Pause, return, deletion and the end; last, the beginning of everything.

function interrupt() {
  if (trial) trial.interrupted = true;
}

$("pause").addEventListener("click", () => {
  interrupt();
  show("paused");
});
document.addEventListener("visibilitychange", () => document.hidden && interrupt());

for (const button of document.querySelectorAll("[data-go]"))
  button.addEventListener("click", () => go(button.dataset.go === "stage" ? session.stage : button.dataset.go));

for (const button of document.querySelectorAll("[data-ask]"))
  button.addEventListener("click", () => {
    const ask = $(button.dataset.ask);
    if (ask.querySelector("[data-another]")) download(session.record, "json");
    ask.hidden = false;
    ask.querySelector("p").focus();
    ask.querySelector("[data-cancel]").onclick = () => {
      ask.hidden = true;
      button.focus();
    };
  });

/** Greet whoever has begun before. */
function comeBack() {
  if (session.stage === "thanks") return enter();
  const done = steps(session).slice(0, session.step).filter((step) => !step.practice).length;
  $("back-lead").textContent = say("back_lead", { n: done, total: study.orders[session.record.order].length });
  show("back");
}

function forgetAll() {
  forget();
  session = trial = null;
  $("notice").textContent = "";
}

$("withdraw").addEventListener("click", () => {
  forgetAll();
  show("withdrawn");
});

for (const button of document.querySelectorAll("[data-another]"))
  button.addEventListener("click", () => {
    forgetAll();
    location.reload();
  });

addEventListener("storage", (event) => {
  if (event.key !== KEY || !session) return; // only other tabs cause this event
  session = trial = null;
  show("elsewhere");
});

// The answers leave the page.

let sending = false;

function finish() {
  $("code").textContent = session.record.participant;
  $("text").value = JSON.stringify(session.record);
  show("thanks");
  if (study.post_to) deliver();
}

async function deliver() {
  const { record } = session;
  if (sending) return;
  sending = true;
  $("send-again").hidden = true;
  if (!session.sent) $("delivery").textContent = say("sending");
  const taken = session.sent || (await send(record));
  sending = false;
  if (session?.record !== record) return; // another person has begun
  session.sent = taken;
  session.delivered ||= taken;
  keepSession();
  $("delivery").textContent = say(taken ? "sent" : "not_sent");
  $("send-again").hidden = taken;
}

$("send-again")?.addEventListener("click", deliver);
addEventListener("online", () => screen === "thanks" && study.post_to && deliver());

for (const button of document.querySelectorAll("[data-save]"))
  button.addEventListener("click", () => {
    download(session.record, button.dataset.save);
    session.delivered = true;
    keepSession();
    $("said").textContent = say("saved");
    if (!sending && !session.sent) $("delivery").textContent = say("saved");
  });

$("text").addEventListener("focus", () => $("text").select());
$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("text").value);
    $("copy").textContent = say("copied");
  } catch {
    $("text").focus();
    $("said").textContent = say("select_copy");
  }
});

// Leaving is asked about where something would be lost: no storage, or answers that nobody has got yet.
addEventListener("beforeunload", (event) => {
  if (session && !session.delivered && (!kept || screen === "thanks")) event.preventDefault();
});

// The beginning

nameCountries();
session = recall();
if (!session) show("consent", null); // a page that has just been opened is read from its top
else comeBack();
