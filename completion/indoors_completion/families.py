"""One frozen record per model family: the only place that knows a sentinel (I12).

Adding a family is one row in `FAMILIES` and one golden file in tests/golden/fim/. Order matters:
`fim.detect` takes the first row that matches, so named rows stand before the generic ones.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """How one family of models is asked to fill in the middle.

    `order` "PSM" renders `prefix_token P suffix_token S middle_token`; "SPM" renders
    `suffix_token S prefix_token P middle_token`. An empty `middle_token` is not rendered.

    `context` says how other files are shown: at the head of the prefix, as "comments" or as "code"
    under a comment with its path; in the family's native form, as "headers"; or "none" of them. A
    header is `file_token` (special) or `file_mark` (plain), the path and a newline; `own_path` says
    whether the path of the edited file stands before the first sentinel or inside the prefix.
    `repo_token` opens the headers where the family has one.

    `stops` are further texts that end an answer. `names` (searched, case-folded, in the file's
    names), `pres` (`tokenizer.ggml.pre`) and `architectures` select the row; a row without any of
    them is generic. In every case the sentinels must be tokens of the vocabulary.

    Three ways to make a key cost less, each only where a published measurement says what it costs
    and gains (benchmarks/splice.py): `heal` leaves a partial word out of the
    prompt, `anchor` puts what was typed behind the middle marker, and `splice` moves the suffix in
    the KV cache instead of evaluating it anew.

    Quirks: `prefix_lead` is put before the prefix (SentencePiece models saw a leading space there,
    and nowhere else); `base_preferred` marks families whose instruct models answer in prose.
    """

    name: str
    order: Literal["PSM", "SPM"]
    prefix_token: str
    suffix_token: str
    middle_token: str
    context: Literal["headers", "comments", "code", "none"]
    repo_token: str = ""
    file_token: str = ""
    file_mark: str = ""
    own_path: Literal["before", "inside"] = "before"
    stops: tuple[str, ...] = ()
    names: str = ""
    pres: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    prefix_lead: str = ""
    base_preferred: bool = False
    heal: bool = False
    anchor: bool = False
    splice: bool = False

    @property
    def sentinels(self) -> tuple[str, ...]:
        """The fill-in-the-middle tokens in the order in which a prompt has them."""
        prefix, suffix = self.prefix_token, self.suffix_token
        first = (prefix, suffix) if self.order == "PSM" else (suffix, prefix)
        return (*first, self.middle_token) if self.middle_token else first


_QWEN_STOPS = (
    "<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|im_start|>", "<|im_end|>",
)  # fmt: skip
_STARCODER_STOPS = ("<|endoftext|>", "<file_sep>", "<fim_pad>")
_DEEPSEEK_STOPS = ("<｜end▁of▁sentence｜>", "<|EOT|>")

FAMILIES: tuple[Family, ...] = (
    # Source: QwenLM/Qwen2.5-Coder README, "File-Level Code Completion (Fill in the middle)" and
    # "Repository Level Code Completion". Comments instead of the native <|file_sep|> headers, by
    # measurement: 17 / 63 against 12 / 53 (exact match / edit similarity, 0.5B, 42 rows).
    Family(
        name="qwen2.5-coder",
        order="PSM",
        prefix_token="<|fim_prefix|>",
        suffix_token="<|fim_suffix|>",
        middle_token="<|fim_middle|>",
        context="comments",
        repo_token="<|repo_name|>",
        file_token="<|file_sep|>",
        stops=_QWEN_STOPS,
        names=r"qwen\W?2(\.5)?\W?coder",
        heal=True,
        anchor=True,
        splice=True,
    ),
    # Source: QwenLM/Qwen3-Coder README, "Fill in the middle with Qwen3-Coder": the sentinels of
    # Qwen2.5-Coder. Published only tuned for chat; llama.cpp's preset --fim-qwen-30b-default sends
    # it bare prompts, and so do we. The header form was not measured here: comments, as above.
    Family(
        name="qwen3-coder",
        order="PSM",
        prefix_token="<|fim_prefix|>",
        suffix_token="<|fim_suffix|>",
        middle_token="<|fim_middle|>",
        context="comments",
        repo_token="<|repo_name|>",
        file_token="<|file_sep|>",
        stops=_QWEN_STOPS,
        names=r"qwen\W?3\W?coder",
    ),
    # Source: arXiv 2402.19173, section 5.1: <repo_name>R<file_sep>path0\ncode0<file_sep>
    # <fim_prefix>path1\npre<fim_suffix>suf<fim_middle>. Repository context was shown without
    # names in half of the samples, so bare prompts are in its distribution too.
    Family(
        name="starcoder2",
        order="PSM",
        prefix_token="<fim_prefix>",
        suffix_token="<fim_suffix>",
        middle_token="<fim_middle>",
        context="headers",
        repo_token="<repo_name>",
        file_token="<file_sep>",
        own_path="inside",
        stops=_STARCODER_STOPS,
        names=r"star\W?coder\W?2",
        architectures=("starcoder2",),
    ),
    # Source: deepseek-ai/DeepSeek-Coder README, "Code Insertion" (the hole token stands where the
    # text is missing, so the order is prefix, suffix) and "Repository Level Code Completion"
    # (files under `#path` comments). The bars are U+FF5C and U+2581: DeepSeek-Coder-V2 issue 27.
    Family(
        name="deepseek-coder",
        order="PSM",
        prefix_token="<｜fim▁begin｜>",
        suffix_token="<｜fim▁hole｜>",
        middle_token="<｜fim▁end｜>",
        context="comments",
        stops=_DEEPSEEK_STOPS,
        names=r"deepseek\W?coder(?!\W?v?2)",
        pres=("deepseek-coder",),
        base_preferred=True,
    ),
    # Source: deepseek-ai/DeepSeek-Coder-V2 README, "Code Insertion", which uses the Lite *Base*
    # model; issue 27 shows the instruct model answering in prose. Same sentinels, no <|EOT|>.
    Family(
        name="deepseek-coder-v2",
        order="PSM",
        prefix_token="<｜fim▁begin｜>",
        suffix_token="<｜fim▁hole｜>",
        middle_token="<｜fim▁end｜>",
        context="comments",
        stops=("<｜end▁of▁sentence｜>",),
        names=r"deepseek\W?coder\W?v?2",
        base_preferred=True,
    ),
    # Source: mistralai/mistral-common, encode_fim and its test: <s>[SUFFIX]return▁a▁+▁b[PREFIX]
    # ▁def▁f( — suffix first, no middle token, a leading space in the prefix only. `+++++ path`
    # for other files: continuedev/continue, AutocompleteTemplate.ts. By name only: every Mistral
    # v3 vocabulary has these tokens, and only Codestral was trained on them.
    Family(
        name="codestral",
        order="SPM",
        prefix_token="[PREFIX]",
        suffix_token="[SUFFIX]",
        middle_token="",
        context="headers",
        file_mark="+++++ ",
        own_path="inside",
        stops=("[MIDDLE]",),
        names=r"codestral",
        prefix_lead=" ",
    ),
    # Source: JetBrains/Mellum-4b-sft-all model card and arXiv 2510.05788 (suffix, prefix, middle;
    # context files under <filename>path, the edited file's path before <fim_suffix>).
    Family(
        name="mellum",
        order="SPM",
        prefix_token="<fim_prefix>",
        suffix_token="<fim_suffix>",
        middle_token="<fim_middle>",
        context="headers",
        file_token="<filename>",
        stops=("<|endoftext|>", "<filename>", "<reponame>"),
        names=r"mellum",
        pres=("mellum2",),
    ),
    # Source: ibm-granite/granite-code-models issue 3 ("the same way as StarCoder's FIM") and
    # llama.cpp pull request 12988 for Granite 3.3: no file separator token, so comments.
    Family(
        name="granite",
        order="PSM",
        prefix_token="<fim_prefix>",
        suffix_token="<fim_suffix>",
        middle_token="<fim_middle>",
        context="comments",
        stops=("<|endoftext|>", "<|end_of_text|>", "<fim_pad>", "<reponame>"),
        names=r"granite",
        architectures=("granite", "granitemoe"),
    ),
    # Source: ByteDance-Seed/Seed-Coder-8B-Base README and llama.cpp issue 17900: suffix first.
    Family(
        name="seed-coder",
        order="SPM",
        prefix_token="<[fim-prefix]>",
        suffix_token="<[fim-suffix]>",
        middle_token="<[fim-middle]>",
        context="comments",
        stops=("<[end▁of▁sentence]>",),
        names=r"seed\W?coder",
        pres=("seed-coder",),
        base_preferred=True,
    ),
    # Source: arXiv 2308.12950 section 3.2 and llama.cpp issue 2818: the marker tokens carry their
    # space, the implicit leading space is suppressed for suffix and middle, kept for the prefix.
    # <EOT> ends the middle. The Python variants and 34B were not trained to infill (`fim.UNFIT`).
    Family(
        name="codellama",
        order="PSM",
        prefix_token="▁<PRE>",
        suffix_token="▁<SUF>",
        middle_token="▁<MID>",
        context="comments",
        stops=("<EOT>", "▁<EOT>"),
        names=r"code\W?llama",
        prefix_lead=" ",
    ),
    # Source: ai.google.dev, "CodeGemma formatting": Qwen's sentinel texts; <|file_separator|>
    # both ends an answer and parts files, but how a path goes with it is not documented: comments.
    Family(
        name="codegemma",
        order="PSM",
        prefix_token="<|fim_prefix|>",
        suffix_token="<|fim_suffix|>",
        middle_token="<|fim_middle|>",
        context="comments",
        stops=("<|file_separator|>", "<end_of_turn>", "<eos>"),
        names=r"code\W?gemma",
        architectures=("gemma",),
    ),
    # Generic rows: an unknown name, a vocabulary with a known set of sentinels (llama.cpp,
    # src/llama-vocab.cpp, recognises the same texts). No native headers: they are not implied.
    Family(
        name="generic-qwen",
        order="PSM",
        prefix_token="<|fim_prefix|>",
        suffix_token="<|fim_suffix|>",
        middle_token="<|fim_middle|>",
        context="comments",
        stops=_QWEN_STOPS,
    ),
    Family(
        name="generic-starcoder",
        order="PSM",
        prefix_token="<fim_prefix>",
        suffix_token="<fim_suffix>",
        middle_token="<fim_middle>",
        context="comments",
        stops=_STARCODER_STOPS,
    ),
    Family(
        name="generic-deepseek",
        order="PSM",
        prefix_token="<｜fim▁begin｜>",
        suffix_token="<｜fim▁hole｜>",
        middle_token="<｜fim▁end｜>",
        context="comments",
        stops=_DEEPSEEK_STOPS,
        base_preferred=True,
    ),
)


class Unfit(msgspec.Struct, frozen=True):
    """A model whose name says that it cannot fill in the middle, whatever its vocabulary holds."""

    names: str
    why: str
    unless: str = ""


UNFIT: tuple[Unfit, ...] = (
    # The tokens are in every Qwen vocabulary since 2.5; only the Coder models were trained on
    # them (QwenLM/Qwen2.5-Coder README, "special tokens").
    Unfit(
        r"qwen",
        "general Qwen models carry the tokens but never learned to use them",
        r"coder|codeqwen",
    ),
    # A member of Mistral AI: "Mamba Codestral does not support FIM"
    # (huggingface.co/mistralai/Mamba-Codestral-7B-v0.1, discussion 2).
    Unfit(r"mamba\W?codestral", "Mamba Codestral was trained for chat only"),
    # google/codegemma model card: completion for 2b and 7b, chat for 7b-it.
    Unfit(r"code\W?gemma.*\bit\b", "the -it models of CodeGemma were trained for chat only"),
    # arXiv 2308.12950, table 1: infilling for the 7B, 13B and 70B base and instruct models.
    Unfit(r"code\W?llama.*(python|34b)", "this Code Llama was not trained to infill"),
    # CISCai/OpenCodeInterpreter-DS-6.7B-SOTA-GGUF, commit 224ca34: "does NOT support".
    Unfit(r"opencodeinterpreter", "this fine-tune lost the ability of its base model"),
    Unfit(r"deepseek\W?r1|reasoning|thinking", "reasoning models write their thoughts first"),
)
