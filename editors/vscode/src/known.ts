/** Which extensions suggest code, and what can be done about each; `others.ts` looks for them. */

/** Identifiers of extensions that suggest code by themselves, and what people call them. */
export const KNOWN: Record<string, string> = {
  "github.copilot": "GitHub Copilot",
  "github.copilot-chat": "GitHub Copilot",
  "codeium.codeium": "Codeium",
  "tabnine.tabnine-vscode": "Tabnine",
  "tabnine.tabnine-vscode-self-hosted-updater": "Tabnine",
  "continue.continue": "Continue",
  "supermaven.supermaven": "Supermaven",
  "amazonwebservices.amazon-q-vscode": "Amazon Q",
  "google.geminicodeassist": "Gemini Code Assist",
  "googlecloudtools.cloudcode": "Gemini Code Assist",
  "sourcegraph.cody-ai": "Cody",
  "tabbyml.vscode-tabby": "Tabby",
  "visualstudioexptteam.vscodeintellicode": "IntelliCode",
  "huggingface.huggingface-vscode": "llm-vscode",
  "ggml-org.llama-vscode": "llama-vscode",
  "rjmacarthy.twinny": "twinny",
  "danielsanmedium.dscodegpt": "CodeGPT",
  "blackboxapp.blackbox": "Blackbox",
  "augment.vscode-augment": "Augment",
  "jetbrains.resharper-code": "JetBrains AI",
};

export interface Other {
  name: string;
  id: string;
}

export const COPILOT = "GitHub Copilot";
export const COPILOT_SETTING = "github.copilot.enable";
/** Not every VS Code has it: it came after the oldest one that we run in. */
export const SUPPRESS = "editor.inlineSuggest.experimental.suppressInlineSuggestions";

/**
 * The extensions that `SUPPRESS` names. VS Code parts it at commas and compares exactly, with
 * identifiers in small letters: with a blank or a capital in it, one that it names is shown.
 */
export function listed(value: unknown): string[] {
  return typeof value === "string" ? value.split(",").filter(Boolean) : [];
}

/** An entry of the list to choose from. */
export interface Choice {
  label: string;
  description: string;
  detail?: string;
  other: Other;
  hide: boolean;
}

/** What can be done about those that were found. */
export function choices(found: readonly Other[], canSuppress: boolean): Choice[] {
  return found.flatMap((other) => {
    const label = `Hide suggestions of ${other.name}`;
    const show = {
      label: `Show the extension ${other.name}`,
      description: other.id,
      other,
      hide: false,
    };
    if (other.name === COPILOT) {
      const detail =
        "It then suggests nothing by itself; asked by a key of VS Code's own (Alt+]), it still does";
      return [{ label, description: COPILOT_SETTING, detail, other, hide: true }, show];
    }
    return canSuppress ? [{ label, description: SUPPRESS, other, hide: true }, show] : [show];
  });
}
