// One button that records the microphone: what it hears goes to the kernel as the bytes of a WAV file, and nowhere else.

const LIMIT_S = 15;
const RAW = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
// Runs beside the page's own thread and hands on the first channel, 128 samples at a time.
const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) {
    if (input.length) this.port.postMessage(input[0].slice());
    return true;
  }
});`;

// Samples in [-1, 1] as a mono WAV file of 16 bits.
function wav(pieces, rate) {
  const samples = pieces.flatMap((piece) => [...piece]);
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // mono
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((x, i) => view.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, x))), true));
  return view.buffer;
}

// Begins to record; what it returns ends it, and gives the WAV file.
async function record() {
  if (!navigator.mediaDevices) {
    throw new Error("browsers lend it to pages of https:// and of localhost only, and this is another");
  }
  const stream = await navigator.mediaDevices.getUserMedia({ audio: RAW });
  const context = new AudioContext();
  const close = () => {
    stream.getTracks().forEach((track) => track.stop());
    return context.close();
  };
  try {
    const module = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
    await context.audioWorklet.addModule(module).finally(() => URL.revokeObjectURL(module));
    const pieces = [];
    const tap = new AudioWorkletNode(context, "tap");
    tap.port.onmessage = ({ data }) => pieces.push(data);
    context.createMediaStreamSource(stream).connect(tap);
    return async () => {
      await close();
      return wav(pieces, context.sampleRate);
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function render({ model, el }) {
  const button = document.createElement("button");
  button.className = "jupyter-button widget-button";
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  el.append(button, " ", said);
  let end = null; // while it records
  let clock = 0;

  function idle() {
    clearInterval(clock);
    end = null;
    button.textContent = "record";
    button.disabled = false;
  }

  async function start() {
    button.disabled = true; // until the microphone is granted or refused
    said.textContent = "";
    try {
      end = await record();
    } catch (error) {
      idle();
      said.textContent = `The microphone cannot be used: ${error.message}. You can choose a file instead.`;
      return;
    }
    let left_s = LIMIT_S;
    const show = () => (button.textContent = `stop (${left_s} s left)`);
    show();
    button.disabled = false;
    clock = setInterval(() => (--left_s ? show() : stop()), 1000);
  }

  async function stop() {
    clearInterval(clock);
    button.disabled = true;
    const file = await end();
    idle();
    model.send({}, undefined, [file]);
  }

  button.onclick = () => (end ? stop() : start());
  idle();
  return () => {
    clearInterval(clock);
    end?.();
  };
}

export default { render };
