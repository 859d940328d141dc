/**
 * What becomes of a suggestion. VS Code tells an extension only of a whole accept, by the item's
 * command; that one was shown or accepted in part follows from what happens next.
 */

/** A suggestion that was given to VS Code for a place in a document. */
export interface Offer<Item> {
  readonly item: Item;
  /** The whole text of the item, and how much of it stood before the cursor when it was offered. */
  readonly text: string;
  readonly typed: number;
  readonly offset: number;
}

/** One change of a document, as offsets. */
export interface Change {
  readonly offset: number;
  readonly removed: number;
  readonly text: string;
}

/** What a change says about what was offered. */
export interface Told<Item> {
  /** It is this one of several: it must have been on the screen. */
  readonly shown?: Item;
  /** Its first part was taken: so many UTF-16 units of the item are in the text by now. */
  readonly partly?: { item: Item; acceptedLength: number };
}

// One key that writes more than one character: a pair, and Enter with the indentation after it.
const PAIRS = new Set(["()", "[]", "{}", '""', "''", "``"]);
const ENTER = /^\r?\n[ \t]*$/;

/**
 * Follows the suggestions of one answer. VS Code shows one of them, and does not tell which: Alt+]
 * goes to the next. What is written leaves those that begin with it.
 */
export class Offers<Item> {
  private current: readonly Offer<Item>[] = [];
  /** How many units of what was offered were written since. */
  private written = 0;
  /** A part was taken that several begin with. */
  private isOwed = false;
  /** Those that the part is all of: it may have been one of them, or the first words of another. */
  private whole: readonly Offer<Item>[] = [];

  /** The text of the first suggestion, "" if there is none. */
  get text(): string {
    return this.current[0]?.text ?? "";
  }

  /** Suggestions are there, or none any more. */
  show(...offers: Offer<Item>[]): void {
    this.current = offers;
    this.written = 0;
    this.isOwed = false;
    this.whole = [];
  }

  /** One was accepted as a whole, which is told behind its change: it, if that was not sure before. */
  accepted(isIt: (item: Item) => boolean): Item | undefined {
    const found = this.whole.find((one) => isIt(one.item));
    if (found !== undefined) {
      this.show();
    }
    return found?.item;
  }

  /** The document changed. Typing along, key by key, is no accept. */
  changed(changes: readonly Change[]): Told<Item> {
    const before = this.current;
    const change = changes[0];
    if (change === undefined || changes.length !== 1 || change.removed > 0 || change.text === "") {
      this.show();
      return {};
    }
    const { text } = change;
    const isUnsure = before.length > 1 || this.whole.length > 0;
    const follow = before.filter(
      (one) => change.offset === one.offset + this.written && this.rest(one).startsWith(text),
    );
    const isTyped = [...text].length === 1 || PAIRS.has(text) || ENTER.test(text);
    const whole = follow.filter((one) => this.rest(one) === text);
    if (whole.length > 0 && whole.length === follow.length) {
      this.show(); // all of one was taken, which its command tells
      const [only, ...more] = whole;
      return isUnsure && !isTyped && only !== undefined && more.length === 0
        ? { shown: only.item }
        : {};
    }
    this.current = follow.filter((one) => !whole.includes(one));
    this.written += text.length;
    this.isOwed ||= !isTyped;
    // Taken by a key, it is told of when the command of one comes, or what is written goes on.
    this.whole = isTyped ? [] : whole;
    const [only, ...more] = this.current;
    if (only === undefined || more.length > 0 || this.whole.length > 0) {
      return {};
    }
    const isReported = this.isOwed;
    this.isOwed = false;
    return {
      ...(isUnsure ? { shown: only.item } : {}),
      ...(isReported
        ? { partly: { item: only.item, acceptedLength: only.typed + this.written } }
        : {}),
    };
  }

  private rest(offer: Offer<Item>): string {
    return offer.text.slice(offer.typed + this.written);
  }
}
