// Opens one watch page in headless Chromium, lets it play, and prints one JSON object: what the player said at the
// start and at the end. The job comes as JSON in the first argument:
//   {executable, url, media_s, within_s, screenshot, pause_s, seeks}: `seeks` are sought, in s, after the first frame
// It ends when `media_s` seconds were played since the first frame, at a fatal error, or after `within_s`.
import { chromium } from "playwright-core";

const job = JSON.parse(process.argv[2]);
const said = { console: [], failed: [], states: [] };
const browser = await chromium.launch({
  executablePath: job.executable,
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
  ],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("console", (line) => {
    if (line.type() === "error" || line.type() === "warning") said.console.push(line.text().slice(0, 300));
  });
  page.on("pageerror", (fault) => said.console.push(`page: ${String(fault).slice(0, 300)}`));
  page.on("response", (answer) => {
    if (answer.status() >= 400) said.failed.push(`${answer.status()} ${new URL(answer.url()).pathname}`);
  });
  await page.goto(job.url, { waitUntil: "load", timeout: 20000 });
  await page.waitForFunction(() => window.headwater && window.headwater.state(), null, { timeout: 20000 });
  const state = () => page.evaluate(() => window.headwater.state());
  const began = Date.now();
  let first = null;
  let last = null;
  while ((Date.now() - began) / 1000 < job.within_s) {
    last = await state();
    said.states.push({ at: (Date.now() - began) / 1000, ...last, errors: last.errors.length });
    if (last.fatal) break;
    if (first === null && last.decodedFrames > 0 && last.currentTime > 0) {
      first = last;
      said.first_frame_s = (Date.now() - began) / 1000;
      for (const to of job.seeks || []) {
        await page.evaluate((at) => new Promise((done) => {
          const video = document.querySelector("video");
          video.addEventListener("seeked", done, { once: true });
          video.currentTime = at;
        }), to);
        first = last = await state();
        if (Math.abs(last.currentTime - to) > 1) throw new Error(`sought ${to}, is at ${last.currentTime}`);
      }
    }
    if (first !== null && last.currentTime - first.currentTime >= job.media_s) break;
    await page.waitForTimeout(250);
  }
  said.first = first;
  said.last = last;
  said.user_agent = await page.evaluate(() => navigator.userAgent);
  if (job.screenshot) await page.screenshot({ path: job.screenshot });
} catch (fault) {
  said.fault = String(fault).slice(0, 500);
} finally {
  await browser.close();
}
console.log(JSON.stringify(said));
