// Sound: one recording at a time, heard to its end or not.

let playing = null;

/** Play FLAC in base64 from `button`; `done(whether it was heard to its end)`. While one plays, nothing else starts. */
function play(sound, button, done) {
  if (playing) return false;
  const bytes = Uint8Array.from(atob(sound.audio), (letter) => letter.charCodeAt(0));
  const audio = new Audio(URL.createObjectURL(new Blob([bytes], { type: "audio/flac" })));
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  const finish = (heard) => {
    if (playing !== audio) return;
    release();
    done(heard);
  };
  const release = () => {
    playing = null;
    clearTimeout(timer);
    URL.revokeObjectURL(audio.src);
    button.classList.remove("playing");
    button.removeAttribute("aria-disabled");
    label.textContent = before;
  };
  const timer = setTimeout(() => { stop(); done(false); }, 1000 * (sound.seconds + 5)); // a device that swallows sound
  audio.onended = () => finish(true);
  audio.onerror = () => finish(false);
  audio.onpause = () => audio.ended || finish(false); // a call, an unplugged headset
  audio.release = release;
  playing = audio;
  button.classList.add("playing");
  button.setAttribute("aria-disabled", "true");
  label.textContent = say("playing");
  audio.play().catch(() => finish(false));
  return true;
}

function stop() {
  const audio = playing;
  audio?.release();
  audio?.pause();
}
