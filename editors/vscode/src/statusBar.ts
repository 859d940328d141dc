/** The one item in the status bar, and the menu behind it. */

import * as vscode from "vscode";
import { type Situation, describe } from "./words.ts";

const PROBLEM = new vscode.ThemeColor("statusBarItem.warningBackground");

export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;

  constructor() {
    this.item = vscode.window.createStatusBarItem(
      "indoors.status",
      vscode.StatusBarAlignment.Right,
      100,
    );
    this.item.name = "Indoors";
    this.item.command = "indoors.menu";
    this.item.show();
  }

  dispose(): void {
    this.item.dispose();
  }

  show(situation: Situation): void {
    const words = describe(situation);
    this.item.text = words.text;
    this.item.backgroundColor = words.isProblem ? PROBLEM : undefined;
    this.item.accessibilityInformation = { label: words.spoken, role: "button" };
    // Plain text in, so that no name of a folder or a model becomes a link.
    const tooltip = new vscode.MarkdownString("", false);
    const [first = "", ...rest] = words.lines;
    tooltip.appendMarkdown("**Indoors** ").appendText(first);
    for (const line of rest) {
      tooltip.appendMarkdown("\n\n").appendText(line);
    }
    if (situation.others.length > 0) {
      tooltip.isTrusted = { enabledCommands: ["indoors.others"] };
      tooltip.appendMarkdown(" ([turn off](command:indoors.others))");
    }
    this.item.tooltip = tooltip;
  }
}
