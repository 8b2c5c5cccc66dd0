"""What documents and queries become before they are indexed: names split, logs normalised, pages cut."""

import time

import pytest

from hub import names
from hub.search import chunks, codes, logs, text
from hub.search.rules import query_kind


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("KubePodCrashLooping", "Kube Pod Crash Looping"),
        ("etcdHighNumberOfFailedGRPCRequests", "etcd High Number Of Failed GRPC Requests"),
        ("KubePVCsFull", "Kube PVCs Full"),
        ("Ingress5xxErrors", "Ingress 5xx Errors"),
        ("p99LatencyHigh", "p99 Latency High"),
        ("MySQLDown", "MySQL Down"),
        ("prometheus_tsdb_wal_corruption", "prometheus tsdb wal corruption"),
        ("node-exporter:memory.free", "node exporter memory free"),
        ("GrößeHoch", "Größe Hoch"),
        ("10:30", "10:30"),
        ("99.5", "99.5"),
    ],
)
def test_a_name_is_split_into_its_words(name: str, parts: str) -> None:
    assert names.split(name) == parts


def test_the_lexical_index_keeps_the_name_beside_its_words() -> None:
    assert names.with_parts("DiskFull: act") == "DiskFull Disk Full: act"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2024-06-20T17:56:33.930222523Z E0620 17:56:33.930211 41 writer.go:135] update failed", "update failed"),
        ("Jun 14 15:16:01 combo sshd[19939]: authentication failure", "combo sshd authentication failure"),
        ("081109 203615 148 WARN dfs.DataNode: slow block blk_38865049064139660", "dfs.DataNode: slow block blk"),
        (
            "java.sql.SQLException: ORA-00942: table does not exist",
            "java.sql.SQLException: ORA-00942: table does not exist",
        ),
        ('10.1.2.3 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 502 2326', "GET /a HTTP/1.0 502"),
        ("process 4711 ended with exit code 137 after 35ms", "process ended with exit code 137 after"),
        ("HRESULT 0x80070005 at 0x7ffdeadbeef", "HRESULT 0x80070005 at"),
        ("dial tcp 10.0.0.12:5432: connect: connection refused", "dial tcp connect: connection refused"),
        ("open /etc/ssl/private/tls.key: permission denied", "open tls.key permission denied"),
        ("pod web-7d9f8b6c5d-x2x9z was evicted", "pod web was evicted"),
        ("user 3f2504e0-4f89-11d3-9a0c-0305e82c3301 not found", "user not found"),
        ("\x1b[31mERROR\x1b[0m disk full", "disk full"),
        ("Pod {{ $labels.pod }} restarts <no value> times", "Pod restarts times"),
        (
            '{"level":"error","ts":1.7e9,"msg":"failed to dial","error":"no route","pod":"web-1"}',
            "failed to dial. no route",
        ),
        (
            'time=2025-04-18T07:28:00Z level=ERROR msg="Loading failed" err="unknown receiver"',
            "Loading failed. unknown receiver",
        ),
    ],
)
def test_a_log_line_keeps_what_names_the_trouble(line: str, said: str) -> None:
    assert logs.normalise(line) == said


TRACE = """INFO request 17 took 12 ms
INFO request 18 took 15 ms
Traceback (most recent call last):
  File "/app/orders.py", line 12, in save
    at com.shop.Cart.total(Cart.java:12)
goroutine 12 [running]:
psycopg.errors.SerializationFailure: could not serialize access"""


def test_a_log_says_each_thing_once_trouble_first_and_no_frames() -> None:
    assert logs.normalise(TRACE).splitlines() == [
        "psycopg.errors.SerializationFailure: could not serialize access",
        "request took",
    ]


@pytest.mark.parametrize("piece", ["a.", "a-", "1,", "((", "{{", "/x", "a ", "a:", '="'])
def test_a_log_without_an_end_is_read_only_so_far(piece: str) -> None:
    assert logs.normalise(piece * 1_000_000) == logs.normalise(piece * 25_000)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("KubePodCrashLooping", "alert"),
        ("etcd_members_down", "alert"),
        ('{alertname="DiskFull", severity="critical"}', "alert"),
        ("disk full", "text"),
        ("kubelet", "text"),
        ("Why does KubePodCrashLooping fire?", "text"),
        ("What is due on 2024-01-01?", "text"),
        ("2024-01-01 10:00:00 disk full", "log"),
        ("ERROR 1045 access denied", "log"),
        ("first line\nsecond line", "log"),
        ("java.lang.OutOfMemoryError: Java heap space", "log"),
        ("  at com.shop.Cart.total(Cart.java:12)", "log"),
        ('level=warn msg="slow"', "log"),
    ],
)
def test_the_kind_of_a_query_is_seen_in_its_form(query: str, kind: str) -> None:
    assert query_kind(query) == kind


@pytest.mark.parametrize("piece", ["a.", "1.", "A", "é.", 'x="', "alertname=", "a-", "/x", "{{", "at a\n"])
def test_a_hostile_query_costs_no_more_than_its_length(piece: str) -> None:
    begun = time.process_time()
    text.understand((piece * 20_000)[:20_000])
    assert time.process_time() - begun < 1  # 0.07 at most where it was written; a quadratic pattern took 2 to 10


def test_an_alert_is_its_name_its_summary_and_its_description() -> None:
    told = text.alert("DiskFull", "Disk is full.", "Disk {{ $labels.device }} has 1 % left.")
    assert told == "DiskFull. Disk is full. Disk has 1 % left"


def test_what_is_empty_or_repeated_is_said_once() -> None:
    assert text.alert("Disk is full", "Disk is full.") == "Disk is full"


def test_pasted_labels_are_read_as_the_alert_they_name() -> None:
    query = text.understand("alertname=DiskFull severity=critical\nsummary: No space left\nrunbook: none")
    assert (query.kind, query.semantic) == ("alert", "Disk Full. No space left")
    assert "diskfull" in query.names


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("DiskFull", "diskfull"),
        ("disk full", "diskfull"),
        ("DiskFullAlert", "diskfull"),
        ("DiskFull Device sda of host db-1 has no space left", "diskfull"),
        ("How do I silence KubePodCrashLooping for a day", "kubepodcrashlooping"),
    ],
)
def test_a_query_names_the_document_it_means(query: str, name: str) -> None:
    assert name in text.understand(query).names


def test_a_common_word_in_a_sentence_is_not_a_name() -> None:
    assert not {"statefulset", "disk", "outoforder"} & text.understand("disk of a StatefulSet is out-of-order").names


def test_a_query_of_nothing_but_numbers_is_still_asked() -> None:
    assert text.understand("2024-01-01 10:00:00 4711").semantic == "2024-01-01 10:00:00 4711"


def test_a_document_answers_to_its_title_and_to_the_heading_it_opens_with() -> None:
    body = "# MCCDrainError\n\n## Meaning\n\nA node cannot be drained."
    assert text.names_of("Drain error", body) == {"drainerror", "mccdrainerror"}


PAGE = """# Disk full

The disk has no space left.

## Mitigation

```shell
# not a heading
df -h
```
"""


def test_a_page_is_cut_into_its_title_and_its_sections() -> None:
    assert [chunk.whole for chunk in chunks.cut("Disk full", PAGE)] == [
        "Disk full",
        "Disk full: The disk has no space left.",
        "Disk full. Mitigation: ```shell\n# not a heading\ndf -h\n```",
    ]


def test_a_long_section_is_cut_into_parts_of_like_length() -> None:
    body = "## Steps\n" + "\n".join(f"{number} wait for the node to come back" for number in range(60))
    parts = [chunk for chunk in chunks.cut("Drain", body) if chunk.text]
    lengths = [len(part.text.split()) for part in parts]
    assert max(lengths) <= chunks.WORDS
    assert min(lengths) > chunks.WORDS // 2
    assert "\n".join(part.text for part in parts) == body.partition("\n")[2]


def test_a_line_without_an_end_is_cut_between_words() -> None:
    parts = [chunk for chunk in chunks.cut("Dump", "word " * 1_000) if chunk.text]
    assert [len(part.text.split()) for part in parts] == [160] * 6 + [40]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("ENOSPC", "No space left on device"),
        ('"GET / HTTP/1.1" 502', "Bad Gateway"),
        ("status code: 429", "Too Many Requests"),
        ("container exited with code 139", "Segmentation fault"),
        ("OOMKilled", "out of memory"),
    ],
)
def test_a_code_is_spelled_out_in_words(said: str, words: str) -> None:
    assert codes.spelled_out(said) == f"{said} {words}"
    assert words.rsplit(maxsplit=1)[-1] in text.understand(said).semantic


@pytest.mark.parametrize(
    "said", ["EXAMPLE of an ERROR", "Zoom", "exit code 1", "HTTP 299", "status 499", "ENOSPC: no space left on device"]
)
def test_what_is_no_code_or_stands_there_in_words_stays_as_it_is(said: str) -> None:
    assert codes.spelled_out(said) == said
