"""Counts tokens with a model file's own vocabulary: python count_tokens.py ENGINE MODEL <texts.json

In a process of its own, because a library that was loaded stays loaded.
"""

from __future__ import annotations

import json
import sys

from indoors_completion.engine.llama import Llama, Model
from indoors_completion.engine.weights import opened

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    with opened(sys.argv[2]) as weights:
        vocab = Model(Llama(), sys.argv[2], weights, vocab_only=True).vocab
        print(json.dumps([len(vocab.text_tokens(text)) for text in json.load(sys.stdin)]))
