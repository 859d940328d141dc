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

// One key that writes more than one character: a pair, and Enter with the indentation after it.
const PAIRS = new Set(["()", "[]", "{}", '""', "''", "``"]);
const ENTER = /^\r?\n[ \t]*$/;

/** Follows the one suggestion that is on the screen. */
export class Offers<Item> {
  private current: Offer<Item> | undefined;
  private taken = 0;

  /** The text of the suggestion, "" if there is none. */
  get text(): string {
    return this.current?.text ?? "";
  }

  /** A suggestion is there, or none any more. */
  show(offer: Offer<Item> | undefined): void {
    this.current = offer;
    this.taken = offer?.typed ?? 0;
  }

  /**
   * The document changed. If the first part of the suggestion was taken, how many UTF-16 units of
   * the item are in the text by now; typing along, key by key, is no accept.
   */
  changed(changes: readonly Change[]): { item: Item; acceptedLength: number } | undefined {
    const offer = this.current;
    const change = changes[0];
    if (offer === undefined || change === undefined || changes.length !== 1) {
      this.show(undefined);
      return undefined;
    }
    const at = offer.offset + this.taken - offer.typed;
    const rest = offer.text.slice(this.taken);
    const follows = change.removed === 0 && change.offset === at && rest.startsWith(change.text);
    if (!follows || change.text === rest || change.text === "") {
      this.show(undefined); // something else was written, or all of it was taken
      return undefined;
    }
    this.taken += change.text.length;
    const isTyped =
      [...change.text].length === 1 || PAIRS.has(change.text) || ENTER.test(change.text);
    return isTyped ? undefined : { item: offer.item, acceptedLength: this.taken };
  }
}
