# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `elmo`.

    main.py           exit codes, errors in one line, signals
    app.py            the list of commands, and what precedes each
    options.py        options and checks that several commands share
    conversion.py     convert, export
    hub.py            push
    pretraining.py    build-vocab, pretrain, evaluate
    embedding.py      embed, neighbors
    doctor.py         doctor
    __main__.py       `python -m modeling_elmo.cli`, for launchers such as torchrun

Commands import what they need when they run, so that `elmo --help` and `elmo --version` load neither torch nor
transformers.
"""
