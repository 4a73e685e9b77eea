// Loads one manifest or playlist with Shaka Player in headless Chromium and prints what it knows of thumbnails.
// The job comes as JSON in the first argument: {executable, page, script, url, times, live}
// `times` are seconds from the beginning of what can be sought.
import { chromium } from "playwright-core";

const job = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
  executablePath: job.executable,
  headless: true,
  args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--mute-audio"],
});
const said = {};
try {
  const page = await browser.newPage();
  await page.goto(job.page, { waitUntil: "load", timeout: 20000 });
  await page.addScriptTag({ url: job.script });
  Object.assign(said, await page.evaluate(async ({ url, times }) => {
    const video = document.createElement("video");
    video.muted = true;
    document.body.append(video);
    const player = new window.shaka.Player();
    await player.attach(video);
    await player.load(url);
    const tracks = player.getImageTracks();
    const begin = player.seekRange().start;
    const found = [];
    for (const time of times) {
      const one = tracks.length ? await player.getThumbnails(tracks[0].id, begin + time) : null;
      if (!one) {
        found.push(null);
        continue;
      }
      // fetched as players fetch media: the page's own policy is for pictures of its own
      const image = await createImageBitmap(await (await fetch(one.uris[0])).blob());
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 1;
      const pen = canvas.getContext("2d");
      pen.drawImage(image, one.positionX + one.width / 2, one.positionY + one.height / 2, 1, 1, 0, 0, 1, 1);
      found.push({
        start: one.startTime - begin, duration: one.duration, width: one.width, height: one.height,
        grey: pen.getImageData(0, 0, 1, 1).data[0],
      });
    }
    await player.destroy();
    return { tracks: tracks.map(({ width, height, mimeType }) => ({ width, height, mimeType })), found };
  }, job));
} catch (fault) {
  said.fault = String(fault).slice(0, 800);
} finally {
  await browser.close();
}
console.log(JSON.stringify(said));
