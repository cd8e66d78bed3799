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


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ('text\tn\n"say ""it"""\t1\nb\t2\n', ['say "it"', "b"]),
        ('text\tn\n"a\tb\tx\nc"\t1\nd\t2\n', ["a\tb\tx\nc", "d"]),
        ('"text"\t"n"\n"a"\t"1"\n', ["a"]),
        # Quotation marks that are part of a text, as some program wrote it that doesn't quote.
        ('text\tn\n"a" b\t1\n"c"\t2\n', ['"a" b', '"c"']),
        ('text\tn\n"a\t1\nb\t2\nc"\t3\n', ['"a', "b", 'c"']),
        ('text\tn\n5" wide\t1\n"c"\t2\n', ['5" wide', '"c"']),
    ],
)
def test_quotation_marks_of_tsv_are_read_as_they_were_written(tmp_path, text, texts):
    (tmp_path / "x.tsv").write_text(text)
    assert [row["text"] for row in open_rows(tmp_path / "x.tsv", {"text": "--text"})] == texts


@pytest.mark.parametrize(
    "text",
    [
        '{"text": ["a b", "c"], "n": [1, 2]}\n',
        '{"text": {"0": "a b", "1": "c"}, "n": {"0": 1, "1": 2}}',
        '{"text": "a b", "n": 1}\r{"text": "c", "n": 2}\r',
    ],
)
def test_one_json_object_of_columns(tmp_path, text):
    (tmp_path / "x.json").write_text(text, newline="")
    assert list(open_rows(tmp_path / "x.json", {})) == [{"text": "a b", "n": 1}, {"text": "c", "n": 2}]


@pytest.mark.parametrize("row", [{"text": ["a", "b"]}, {"text": ["a b", "c"], "n": [1]}, {"text": "a b"}])
def test_one_json_line_is_a_row(tmp_path, row):
    (tmp_path / "x.json").write_text(json.dumps(row))
    assert list(open_rows(tmp_path / "x.json", {})) == [row]


def test_lines_may_end_in_carriage_returns(tmp_path):
    (tmp_path / "x.csv").write_text("text,n\ra,1\rb,2\r", newline="")
    assert [row["text"] for row in open_rows(tmp_path / "x.csv", {"text": "--text"})] == ["a", "b"]


def test_damaged_parquet_names_the_file(tmp_path):
    pytest.importorskip("pyarrow", reason="needs the package pyarrow")
    (tmp_path / "x.parquet").write_bytes(b"PAR1" + bytes(50) + b"\x10\0\0\0PAR1")
    with pytest.raises(ValueError, match="x.parquet: not a readable Parquet file"):
        open_rows(tmp_path / "x.parquet", {"text": "--text"})
