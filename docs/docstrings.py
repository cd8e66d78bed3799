# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""An extension of Griffe: docstrings in the manner of transformers, as `auto_docstring` completes them at run time.

Griffe reads the code without running it, so that the site is built without torch.
"""

import ast
import re
from textwrap import dedent, indent
from typing import Any

from griffe import Class, Docstring, Extension, Object


# `name (`type`, *optional*): ...`, and `    `type`: ...` of what is returned or raised.
PARAMETER = re.compile(r"^( *\w+) \((`.+?)\):(?=\s)", flags=re.MULTILINE)
RESULT = re.compile(r"^( +)`([^`\n]+)`:(?= )", flags=re.MULTILINE)


def intro_of(decorators: list[Any]) -> str:
    """Returns the text that a class passes to `auto_docstring`."""
    for decorator in decorators:
        call = ast.parse(str(decorator.value), mode="eval").body
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            if keyword.arg == "custom_intro":
                return dedent(ast.literal_eval(keyword.value)).strip()
    return ""


class Docstrings(Extension):
    """Completes the docstrings of all objects."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Changes the docstring of an object in place."""
        text = obj.docstring.value if obj.docstring else ""
        if PARAMETER.match(text):
            # `auto_docstring` puts the heading above them.
            arguments, *sections = re.split(r"^(?=[A-Z]\w+:$)", text, maxsplit=1, flags=re.MULTILINE)
            text = "\n\n".join(["Args:\n" + indent(arguments.strip(), "    "), *sections])
        if isinstance(obj, Class):
            text = "\n\n".join(part for part in (intro_of(obj.decorators), text) if part)
        # Types are shown as code. Defaults are in the signature, if there is one.
        markup = "[`*]" if isinstance(obj, Class) and obj.decorators else r"[`*]|, \*optional\*.*"
        text = PARAMETER.sub(lambda match: f"{match[1]} ({re.sub(markup, '', match[2])}):", text)
        text = RESULT.sub(r"\1\2:", text)
        # [`ElmoModel`], [`~modeling_outputs.Output`]: links of Hugging Face's site.
        text = re.sub(r"\[`(?:~[\w.]*\.)?([\w.]+)`\]", r"`\1`", text)
        if obj.docstring:
            obj.docstring.value = text
        elif text:
            obj.docstring = Docstring(text, parent=obj)
