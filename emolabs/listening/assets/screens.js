// The screens: one is seen at a time, and moves on by what the participant does.

const $ = (id) => document.getElementById(id);
const say = (key, values = {}) => study.texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const PAGES = [...document.querySelectorAll("main > section")];

let session = null; // the participant's, from consent on
let screen = "consent"; // the page that is seen
let trial = null; // what is known of the recording at hand beside what is kept: heard, ended, chosen, interrupted
let tones = null; // the test sound that was played last
let kept = true; // whether the browser keeps the session

function keepSession() {
  kept = keep(session);
  $("notice").textContent = kept ? "" : say("no_storage");
}

/** Show a page and move the focus to `focus`, its title where nothing is named; a screen reader goes on from there. */
function show(name, focus) {
  stop();
  screen = name;
  for (const page of PAGES) page.hidden = page.id !== name;
  const [step, title] = [session && steps(session)[session.step], $(name).querySelector("h1")];
  $("journey").hidden = !["trial", "feedback"].includes(name);
  if (name === "trial") {
    $("place").textContent = title.textContent = say(step.practice ? "practice_of" : "clip_of", place(step));
    $("progress").value = (step.position - 1) / step.total;
  }
  document.title = `${title.textContent} – ${document.querySelector(".brand").textContent.trim()}`;
  scrollTo(0, 0);
  if (focus !== null) (focus ?? title).focus({ preventScroll: true });
}

const place = (step) => ({ n: step.position, total: step.total });

/** Go to a stage of the session and remember it. */
function go(stage) {
  session.stage = stage;
  session.visits += 1;
  keepSession();
  enter();
}

/** Show where the session is. */
function enter() {
  if (session.stage === "trial") beginTrial();
  else if (session.stage === "thanks") finish();
  else show(session.stage);
}

function problem(form, key, target) {
  const line = form.querySelector(".problem");
  line.textContent = key ? say(key) : "";
  if (key && target) target.focus();
}

/** Let `act(form)` handle what is submitted; a page of its own must never load. */
function onSubmit(id, act) {
  $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.target);
  });
}

// Before the recordings

onSubmit("consent-form", (form) => {
  if (!$("agree").checked) return problem(form, "agree_first", $("agree"));
  if (session) return; // the second half of a double click
  session = recall(); // another tab may have begun meanwhile
  if (session) return comeBack();
  session = begin();
  go("background");
});

onSubmit("background-form", (form) => {
  const given = new FormData(form);
  for (const field of study.background) session.record.background[field] = given.get(field) || null;
  go("sound");
});

/** The browser knows the countries' names; where it does not, their codes stay. */
function nameCountries() {
  if (!Intl.DisplayNames) return;
  const select = $("country");
  const names = new Intl.DisplayNames([study.language], { type: "region" });
  const options = [...select.options].slice(1);
  for (const option of options) option.textContent = names.of(option.value);
  select.append(...options.sort((a, b) => a.textContent.localeCompare(b.textContent, study.language)));
}

$("sound-play").addEventListener("click", () => {
  if (playing) return;
  tones = study.tones[random(study.tones.length)];
  $("sound-form").reset();
  $("heard").disabled = true;
  play(tones, $("sound-play"), (heard) => {
    problem($("sound-form"), heard ? null : "failed_test");
    $("heard").disabled = !heard;
  });
});

onSubmit("sound-form", (form) => {
  const chosen = new FormData(form).get("heard");
  if (!chosen || playing) return problem(form, "sound_choose", tones ? null : $("sound-play"));
  if (Number(chosen) !== tones.tones) {
    $("heard").disabled = true;
    return problem(form, "sound_wrong", $("sound-play"));
  }
  problem(form, null);
  go(steps(session)[0].practice ? "practice" : "ready");
});
