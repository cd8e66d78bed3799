# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of tables: the same from every format. `tests/embedding/test_sources.py` tests errors and limits."""

import json

import pytest

from modeling_elmo.files.tables import is_header, open_rows, table_format


ROWS = [{"a": "x, y", "b": "1", "c": ""}, {"a": 'say "it"', "b": "2", "c": "z"}]


def write(path):
    if path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet", reason="needs the package pyarrow")
        parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif path.suffix == ".json":
        path.write_text(json.dumps(ROWS))
    elif path.suffix == ".tsv":
        path.write_text('a\tb\tc\nx, y\t1\t\nsay "it"\t2\tz\n')
    else:
        path.write_text('a,b,c\n"x, y",1,\n"say ""it""",2,z\n')


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.json", "x.jsonl", "x.parquet"])
def test_several_columns_of_every_format(tmp_path, name):
    write(tmp_path / name)
    rows = open_rows(tmp_path / name, {"c": "--label", "a": "--text"})
    for _ in range(2):
        assert [(row["a"], row["c"]) for row in rows] == [("x, y", ""), ('say "it"', "z")]
    if rows.column_names is not None:
        with pytest.raises(ValueError, match=f"{name}: .*expected a column 'd', found a, b, c; --text selects another"):
            open_rows(tmp_path / name, {"d": "--text"})


def test_the_format_can_be_given(tmp_path):
    write(tmp_path / "x.csv")
    (tmp_path / "x.csv").rename(tmp_path / "x.data")
    assert len(list(open_rows(tmp_path / "x.data", {"a": "--text"}, format="csv"))) == 2
    with pytest.raises(ValueError, match=r"x.data: expected a table that ends in .csv, .tsv"):
        open_rows(tmp_path / "x.data", {"a": "--text"})


@pytest.mark.parametrize(
    ("name", "format"),
    [("x.CSV", "csv"), ("a/x.tsv.gz", "tsv"), ("x.ndjson.zst", "json"), ("x.parquet", "parquet"), ("csv", None)],
)
def test_the_name_tells_the_format(name, format):
    assert table_format(name) == format


@pytest.mark.parametrize("line", ["id\ttweet", "text", "label,text", '"","review"', "Sentence_ID;Sentence"])
def test_names_of_columns_are_a_header(line):
    assert is_header(line)


@pytest.mark.parametrize(
    "line", ["The text , he said", "a", "Title", "id", "text,text", "", "id est", "Yes, id", "1,2", "text."]
)
def test_a_sentence_is_no_header(line):
    assert not is_header(line)
