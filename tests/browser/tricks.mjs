// Trick play of a counted film: Shaka Player at `job.rate` for `job.wall_s` and back; hls.js with its I-frame player,
// which shows the picture of each of `job.times` in an element of its own.
import { visit } from "./film.mjs";

await visit(async (page, said, job) => {
  const before = said.requests.length;
  said.seen = await page.evaluate(async ({ player, rate, wall_s, times }) => {
    const { film, headwater } = window;
    const library = headwater.library();
    if (player === "hls") {
      const video = document.createElement("video");
      video.muted = true;
      document.body.append(video);
      const pictures = library.createIFramePlayer();
      pictures.attachMedia(video);
      const shown = [];
      for (const time of times) {
        pictures.loadMediaAt(time);
        const last = shown.at(-1)?.number ?? -1;
        for (let tries = 0; tries < 100 && [-1, last].includes(film.number(video)); tries += 1) await film.pause(50);
        shown.push({ time, number: film.number(video) });
      }
      pictures.destroy();
      return { shown };
    }
    library.trickPlay(rate);
    await film.until(() => film.video.playbackRate === rate || film.video.seeking, "the rate");
    const frames = film.record();
    await film.pause(wall_s * 1000);
    const fast = frames.slice();
    library.cancelTrickPlay();
    await film.until(() => film.video.playbackRate === 1, "the old rate");
    await film.pause(500);
    return { fast, slow: await film.frames(10) };
  }, job);
  said.asked = said.requests.slice(before);
});
