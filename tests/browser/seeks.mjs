// Seeks a counted film to `job.times` (s), one after the other: from a standstill and while it plays, in turn.
// Pictures that no canvas may read are read from the screen, from a standstill.
// After each: where the element is, which picture it shows, the frames from there on, the sound decoded meanwhile.
import { onScreen, visit } from "./film.mjs";

await visit(async (page, said, job) => {
  said.seeks = [];
  const dark = await page.evaluate(() => window.film.video.mediaKeys !== null);
  for (const [at, to] of job.times.entries()) {
    const playing = at % 2 === 1;
    const one = await page.evaluate(async ({ to, rate, playing, dark }) => {
      const { film } = window;
      if (!playing) film.video.pause();
      await film.seek(to);
      const shown = { at: film.video.currentTime, number: film.number() };
      for (let tries = 0; !playing && !dark && tries < 20 && shown.number !== Math.floor(to * rate + 0.001); tries += 1) {
        await film.pause(50); // the picture may come a moment after the event
        shown.number = film.number();
      }
      return { to, playing, dark, shown };
    }, { to, rate: job.rate, playing, dark });
    if (dark && !playing) one.shown.number = await onScreen(page);
    Object.assign(one, await page.evaluate(async () => {
      const { film } = window;
      const sound = film.decoded();
      await film.video.play();
      const frames = await film.frames(8);
      return { frames, sound: film.decoded() - sound };
    }));
    if (at === 0 || at === job.times.length - 1) one.tone = await page.evaluate(() => window.film.tone());
    said.seeks.push(one);
    if (await page.evaluate(() => window.headwater.state().fatal)) break;
  }
});
