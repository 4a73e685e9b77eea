// Opens one watch page in headless Chromium, shows its first subtitles, and prints one JSON object: when the picture
// flashed and which cues the player made, all on the video element's own clock. The job comes as JSON in the first
// argument: {executable, url, flashes, within_s}. It ends after so many flashes, or after `within_s`.
import { chromium } from "playwright-core";

const job = JSON.parse(process.argv[2]);
const said = { console: [], failed: [] };
const browser = await chromium.launch({
  executablePath: job.executable,
  headless: true,
  args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--autoplay-policy=no-user-gesture-required", "--mute-audio"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("console", (line) => {
    if (line.type() === "error" || line.type() === "warning") said.console.push(line.text().slice(0, 300));
  });
  page.on("response", (answer) => {
    if (answer.status() >= 400) said.failed.push(`${answer.status()} ${new URL(answer.url()).pathname}`);
  });
  await page.goto(job.url, { waitUntil: "load", timeout: 20000 });
  await page.waitForFunction(() => window.headwater?.state().texts.length > 0, null, { timeout: 20000 });
  await page.evaluate(() => {
    const video = document.getElementById("video");
    const flat = new OffscreenCanvas(8, 8).getContext("2d", { willReadFrequently: true });
    window.seen = { flashes: [], cues: {}, displayed: {} };
    const plain = (text) => text.replace(/<[^>]*>/g, "");
    let white = false;
    const look = (_, frame) => {
      flat.drawImage(video, 0, 0, 8, 8);
      const light = flat.getImageData(4, 4, 1, 1).data[0] > 128;
      if (light && !white) window.seen.flashes.push(frame.mediaTime);
      white = light;
      for (const track of video.textTracks) {
        for (const cue of track.activeCues ?? []) window.seen.displayed[plain(cue.text)] ??= frame.mediaTime;
      }
      const drawn = document.getElementById("ttml").textContent.trim();
      if (drawn) window.seen.displayed[drawn] ??= frame.mediaTime;
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    setInterval(() => {
      for (const track of video.textTracks) {
        for (const cue of track.cues ?? []) window.seen.cues[`${cue.startTime} ${cue.endTime} ${cue.text}`] = [cue.startTime, cue.endTime, plain(cue.text)];
      }
    }, 100);
    window.headwater.show(0);
    video.currentTime = 0;
  });
  const began = Date.now();
  while ((Date.now() - began) / 1000 < job.within_s) {
    said.seen = await page.evaluate(() => ({ ...window.seen, cues: Object.values(window.seen.cues), state: window.headwater.state() }));
    if (said.seen.flashes.length >= job.flashes || said.seen.state.fatal) break;
    await page.waitForTimeout(250);
  }
} catch (fault) {
  said.fault = String(fault).slice(0, 500);
} finally {
  await browser.close();
}
console.log(JSON.stringify(said));
