// The task board's page, with the moves of its user.

import { DemoPage } from './page.mjs';

export class BoardPage extends DemoPage {
  static path = '/board.html';
  static sign = '.card';

  card(name) {
    return this.page.locator('#board .card', { hasText: name }).first();
  }

  /** The button that opens a card, lifts it and has its focus. */
  handle(name) {
    return this.card(name).locator('.card-open');
  }

  cell(column, lane) {
    return this.page.locator(`.cell[data-column="${column}"][data-lane="${lane}"]`);
  }

  /** The names of a cell's cards, from above. */
  names(column, lane) {
    return this.cell(column, lane).locator('.card-open').allTextContents();
  }

  /** Where a card is shown: `column/lane`. */
  async where(name) {
    return this.card(name).evaluate((element) => {
      const { column, lane } = element.closest('.cell').dataset;
      return `${column}/${lane}`;
    });
  }

  /** Drags a card with the mouse, to the lower end of a cell or to the upper half of a card in it. */
  async drag(name, column, lane, { above, drop = true } = {}) {
    const { mouse } = this.page;
    await this.card(name).scrollIntoViewIfNeeded();
    const from = await this.card(name).boundingBox();
    await mouse.move(from.x + 40, from.y + 12);
    await mouse.down();
    await mouse.move(from.x + 46, from.y + 18, { steps: 3 });
    const to = await (above ? this.card(above) : this.cell(column, lane)).boundingBox();
    await mouse.move(to.x + to.width / 2, above ? to.y + 6 : to.y + to.height - 6, { steps: 8 });
    if (drop) await mouse.up();
  }

  /** Rests a finger on a card, moves it on to a cell, and takes it away. */
  async dragByFinger(name, column, lane) {
    const touch = await this.context.newCDPSession(this.page);
    const send = (type, points) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints: points });
    const from = await this.card(name).boundingBox();
    const to = await this.cell(column, lane).boundingBox();
    const [x, y] = [from.x + 40, from.y + 14];
    await send('touchStart', [{ x, y }]);
    await this.page.locator('.card-ghost').waitFor();
    const [dx, dy] = [to.x + Math.min(60, to.width / 2) - x, to.y + 30 - y];
    for (let step = 1; step <= 8; step += 1) {
      await send('touchMove', [{ x: x + (dx * step) / 8, y: y + (dy * step) / 8 }]);
    }
    await send('touchEnd', []);
    await this.page.locator('.card-ghost').waitFor({ state: 'detached' });
  }

  /** Opens a card's dialog with a click. */
  async edit(name) {
    await this.card(name).locator('.card-head').click({ position: { x: 60, y: 8 } });
    await this.editor.waitFor();
  }

  /** What the page says to those who listen to it. */
  said() {
    return this.page.locator('#board-announce').textContent();
  }
}
