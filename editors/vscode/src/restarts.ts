/** How often a server that ends by itself is started again before it is left to the person. */

export const MOST_RESTARTS = 3;
const WITHIN_MS = 3 * 60 * 1000;

export class Restarts {
  private times: number[] = [];
  private readonly now: () => number;

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  /** Whether it may be started once more; one start is counted then. */
  take(): boolean {
    const now = this.now();
    this.times = this.times.filter((one) => now - one < WITHIN_MS);
    if (this.times.length >= MOST_RESTARTS) {
      return false;
    }
    this.times.push(now);
    return true;
  }

  /** Started again it would end the same way. */
  giveUp(): void {
    const now = this.now();
    this.times = Array.from({ length: MOST_RESTARTS }, () => now);
  }

  /** A person wants it to be tried again. */
  forget(): void {
    this.times = [];
  }
}
