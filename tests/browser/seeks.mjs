// Seeks a counted film to `job.times` (s), one after the other: from a standstill and while it plays, in turn.
// After each: where the element is, which picture it shows, the frames from there on, the sound decoded meanwhile.
import { visit } from "./film.mjs";

await visit(async (page, said, job) => {
  said.seeks = [];
  for (const [at, to] of job.times.entries()) {
    const one = await page.evaluate(async ({ to, rate, playing }) => {
      const { film } = window;
      const begun = performance.now();
      if (!playing) film.video.pause();
      await film.seek(to);
      const seek_ms = performance.now() - begun;
      let shown = { at: film.video.currentTime, number: film.number() };
      if (!playing) { // the picture may come a moment after the event
        for (let tries = 0; tries < 20 && shown.number !== Math.floor(to * rate + 0.001); tries += 1) {
          await film.pause(50);
          shown = { at: film.video.currentTime, number: film.number() };
        }
      }
      const sound = film.decoded();
      await film.video.play();
      const frames = await film.frames(8);
      return { to, playing, seek_ms, shown, frames, sound: film.decoded() - sound };
    }, { to, rate: job.rate, playing: at % 2 === 1 });
    said.seeks.push(one);
    if (at === 0 || at === job.times.length - 1) one.tone = await page.evaluate(() => window.film.tone());
    if (await page.evaluate(() => window.headwater.state().fatal)) break;
  }
});
