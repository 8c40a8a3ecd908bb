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

  /** Drags with the mouse: to the lower end of a cell, or to the upper half of a card in it. */
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
    const from = await this.card(name).boundingBox();
    const to = await this.cell(column, lane).boundingBox();
    const start = { x: from.x + 40, y: from.y + 14 };
    const end = { x: to.x + Math.min(60, to.width / 2), y: to.y + 30 };
    await this.#finger(start, end, () => this.page.locator('.card-ghost').waitFor());
    await this.page.locator('.card-ghost').waitFor({ state: 'detached' });
  }

  /** Drags a card with a pen: it hovers before it touches, and drags without resting. */
  async dragByPen(name, column, lane) {
    const pen = await this.context.newCDPSession(this.page);
    const from = await this.card(name).boundingBox();
    const to = await this.cell(column, lane).boundingBox();
    const send = (type, x, y, buttons) =>
      pen.send('Input.dispatchMouseEvent', {
        ...{ type, x, y, buttons, pointerType: 'pen' },
        ...(buttons > 0 || type === 'mouseReleased' ? { button: 'left', clickCount: 1 } : {}),
      });
    await send('mouseMoved', from.x + 40, from.y + 12, 0);
    await send('mousePressed', from.x + 40, from.y + 12, 1);
    await send('mouseMoved', from.x + 50, from.y + 22, 1);
    await send('mouseMoved', to.x + 60, to.y + 40, 1);
    await send('mouseReleased', to.x + 60, to.y + 40, 0);
    await pen.detach();
  }

  /** Moves a finger to the left, from a card, without resting before. */
  async swipe(name, distance) {
    const box = await this.card(name).boundingBox();
    const start = { x: box.x + box.width - 20, y: box.y + 14 };
    await this.#finger(start, { x: start.x - distance, y: start.y }, () => undefined);
  }

  async #finger(start, end, rest) {
    const touch = await this.context.newCDPSession(this.page);
    const send = (type, touchPoints) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints });
    await send('touchStart', [start]);
    await rest();
    for (let step = 1; step <= 8; step += 1) {
      const x = start.x + ((end.x - start.x) * step) / 8;
      await send('touchMove', [{ x, y: start.y + ((end.y - start.y) * step) / 8 }]);
    }
    await send('touchEnd', []);
    await touch.detach();
  }

  /** Opens a card's dialog with a click. */
  async edit(name) {
    await this.card(name)
      .locator('.card-head')
      .click({ position: { x: 60, y: 8 } });
    await this.editor.waitFor();
  }

  /** What the page says to those who listen to it. */
  said() {
    return this.page.locator('#board-announce').textContent();
  }
}
