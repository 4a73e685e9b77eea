// Opens one watch page in headless Chromium and waits until the player has made metadata cues of a date range and has
// played over its beginning. Prints one JSON object: {cues: [{id, key, start, end}], entered: [id], played, state}.
// The job comes as JSON in the first argument: {executable, url, within_s}.
import { chromium } from "playwright-core";

const job = JSON.parse(process.argv[2]);
const said = { failed: [] };
const browser = await chromium.launch({
  executablePath: job.executable,
  headless: true,
  args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--autoplay-policy=no-user-gesture-required", "--mute-audio"],
});
try {
  const page = await browser.newPage();
  page.on("response", (answer) => {
    if (answer.status() >= 400) said.failed.push(`${answer.status()} ${new URL(answer.url()).pathname}`);
  });
  await page.goto(job.url, { waitUntil: "load", timeout: 20000 });
  await page.waitForFunction(() => document.getElementById("video").currentTime > 0, null, { timeout: 30000 });
  await page.evaluate(() => {
    const video = document.getElementById("video");
    window.seen = { cues: {}, entered: [] };
    setInterval(() => {
      for (const track of video.textTracks) {
        if (track.kind !== "metadata") continue;
        for (const cue of track.cues ?? []) {
          const known = { id: cue.id, key: cue.value?.key, start: cue.startTime, end: cue.endTime };
          window.seen.cues[`${known.id} ${known.key}`] = known;
          if (cue.startTime <= video.currentTime && !window.seen.entered.includes(cue.id)) window.seen.entered.push(cue.id);
        }
      }
    }, 100);
  });
  const began = Date.now();
  while ((Date.now() - began) / 1000 < job.within_s) {
    said.seen = await page.evaluate(() => ({ cues: Object.values(window.seen.cues), entered: window.seen.entered, played: document.getElementById("video").currentTime, state: window.headwater.state() }));
    if (said.seen.entered.length > 0 || said.seen.state.fatal) break;
    await page.waitForTimeout(250);
  }
} catch (fault) {
  said.fault = String(fault).slice(0, 500);
} finally {
  await browser.close();
}
console.log(JSON.stringify(said));
