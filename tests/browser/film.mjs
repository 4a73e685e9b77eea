// Opens one watch page of a counted film (tests/kit/counted.py) in headless Chromium, with instruments in the page:
//   film.number(video)    which picture the video element (or a bitmap) shows now; -1 for none that can be read
//   film.frames(n)        the next n frames as they are shown: [{time, number}], fewer after 10 s
//   film.record()         from now on keep every frame: [{at, time, number, width}], `at` in ms of the page's clock
//   film.until(f, what)   wait until f() holds, 15 s at most
//   film.seek(t)          seek, until the element says that it is done
//   film.tone()           the loudest frequency that is heard in the next 0.2 s, in Hz; 0 for silence
//   film.decoded()        octets of sound decoded so far
// `visit(act)` prints what `act(page, said, job)` leaves in `said`, as one JSON object.
import { chromium } from "playwright-core";

const ARGS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--autoplay-policy=no-user-gesture-required", "--mute-audio"];

function instruments() {
  const BLOCKS = 16;
  const BITS = 12;
  const video = document.getElementById("video");
  const WIDE = 20; // pixels of a block, of which the middle one is read
  const pen = new OffscreenCanvas(BLOCKS * WIDE, 8).getContext("2d", { willReadFrequently: true });
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const within = (ms, promise, what) => Promise.race([promise, pause(ms).then(() => { throw new Error(`${what}: not within ${ms} ms`); })]);
  let analyser = null;

  function number(shown = video) {
    const [width, height] = [shown.videoWidth ?? shown.width, shown.videoHeight ?? shown.height];
    if (!width) return -1;
    pen.clearRect(0, 0, BLOCKS * WIDE, 8);
    pen.drawImage(shown, 0, height / 24, width, height / 12, 0, 0, BLOCKS * WIDE, 8);
    const row = pen.getImageData(0, 4, BLOCKS * WIDE, 1).data;
    const bits = Array.from({ length: BLOCKS }, (_, at) => row[4 * WIDE * (at + 0.5)]).map((light) => (light > 170 ? 1 : light < 85 ? 0 : NaN));
    const value = bits.slice(0, BITS).reduce((sum, bit, at) => sum + bit * 2 ** at, 0);
    const parity = bits.slice(0, BITS).reduce((one, bit) => one ^ bit, 0);
    const [white, black, one, other] = bits.slice(BITS);
    return Number.isNaN(value) || !white || black !== 0 || one !== parity || other !== parity ? -1 : value;
  }

  async function frames(count) {
    const found = [];
    await Promise.race([pause(10_000), new Promise((done) => {
      const look = (_, frame) => {
        found.push({ time: frame.mediaTime, number: number() });
        if (found.length < count) video.requestVideoFrameCallback(look);
        else done();
      };
      video.requestVideoFrameCallback(look);
    })]);
    return found.slice(0, count);
  }

  function record() {
    const found = [];
    const look = (at, frame) => {
      found.push({ at, time: frame.mediaTime, number: number(), width: frame.width });
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    return found;
  }

  async function until(holds, what) {
    for (let tries = 0; tries < 300; tries += 1) {
      if (await holds()) return;
      await pause(50);
    }
    throw new Error(`not within 15 s: ${what}`);
  }

  async function seek(to) {
    const done = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = to;
    await within(15_000, done, `seek to ${to}`);
  }

  async function tone() {
    if (analyser === null) {
      const context = new AudioContext();
      analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaElementSource(video).connect(analyser).connect(context.destination);
      video.muted = false;
      await context.resume();
    }
    await pause(200); // longer than the analyser's window: none of what was before is left in it
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    const loudest = levels.reduce((best, level, at) => (level > levels[best] ? at : best), 0);
    return levels[loudest] > -70 ? (loudest * analyser.context.sampleRate) / analyser.fftSize : 0;
  }

  window.film = { number, frames, record, until, seek, tone, pause, decoded: () => video.webkitAudioDecodedByteCount, video };
}

// What is seen on the screen: a canvas reads no picture that was decrypted by Encrypted Media Extensions.
export async function onScreen(page) {
  const png = [...(await page.locator("#video").screenshot())];
  return page.evaluate(async (octets) => window.film.number(await createImageBitmap(new Blob([new Uint8Array(octets)]))), png);
}

export async function visit(act) {
  const job = JSON.parse(process.argv[2]);
  const said = { console: [], failed: [], requests: [] };
  const browser = await chromium.launch({ executablePath: job.executable, headless: true, args: ARGS });
  let page = null;
  try {
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on("console", (line) => {
      if (line.type() === "error" || line.type() === "warning") said.console.push(line.text().slice(0, 300));
    });
    page.on("pageerror", (fault) => said.console.push(`page: ${String(fault).slice(0, 300)}`));
    page.on("request", (asked) => said.requests.push(`${new URL(asked.url()).pathname} ${asked.headers().range ?? ""}`.trim()));
    page.on("response", (answer) => {
      if (answer.status() >= 400) said.failed.push(`${answer.status()} ${new URL(answer.url()).pathname}`);
    });
    await page.goto(job.url, { waitUntil: "load", timeout: 20000 });
    await page.waitForFunction(() => window.headwater?.state().decodedFrames > 0, null, { timeout: 20000 });
    await page.evaluate(instruments);
    await act(page, said, job);
  } catch (fault) {
    said.fault = String(fault).slice(0, 800);
  } finally {
    said.state = await page?.evaluate(() => window.headwater?.state()).catch(() => null);
    await browser.close();
  }
  console.log(JSON.stringify(said));
}
