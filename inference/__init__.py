"""Everything that knows a language model: files, tokenizer, prompt, engine. Knows no Django.

Importing this package, ``types``, ``registry``, ``tokenizer`` or ``prompts`` loads no torch.
"""
