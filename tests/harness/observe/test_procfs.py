"""/proc, read from texts that a real kernel gave."""

import pytest

from fawkes.harness.observe import procfs

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:23A0 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:23A1 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4715 1 0000000000000000 100 0 0 10 0
"""


def test_words_end_with_a_nul_and_may_be_empty():
    assert procfs.words(b"prog\0--a=1\0\0last\0") == ["prog", "--a=1", "", "last"]
    assert procfs.words(b"") == procfs.words(b"\0\0\0") == []


def test_flags_have_values_or_none_and_come_more_than_once():
    arguments = ["/bin/p", "-v", "--web.x=a=b", "--on", "--web.x=", "value", "--", "--multi=1\n2"]
    assert procfs.flags(arguments) == {"v": [True], "web.x": ["a=b", ""], "on": [True], "multi": ["1\n2"]}


def test_a_family_is_the_process_and_all_that_came_of_it():
    listing = "    1     0\n   20     1\n   21     1\n  300    20\n  301   300\n   40     0\n"
    assert procfs.family(listing, 20) == [20, 300, 301]
    assert procfs.family(listing, 21) == [21]
    assert procfs.family(listing, 5) == []


def test_user_ids_are_all_four():
    assert procfs.user_ids("Name:\tx\nUid:\t1000\t0\t0\t1000\nGid:\t5\t5\t5\t5\n") == {0, 1000}
    with pytest.raises(ValueError, match="no user ids"):
        procfs.user_ids("Name:\tx\n")


def test_a_mount_is_read_only_or_not_and_the_last_one_counts():
    text = (
        "overlay / overlay ro,relatime 0 0\n/dev/sda1 /data ext4 ro 0 0\n"
        "tmpfs /with\\040blank tmpfs rw,size=4k 0 0\n/dev/sdb /data xfs rw 0 0\n"
    )
    assert procfs.mounts(text) == {"/": "ro", "/data": "rw", "/with blank": "rw"}


def test_listening_sockets_are_told_from_connections_in_both_families():
    assert procfs.listening(TCP + TCP6) == {
        4711: ("127.0.0.1", 8080),
        4713: ("0.0.0.0", 22),
        4714: ("::1", 9120),
        4715: ("127.0.0.1", 9121),
    }


def test_sockets_are_among_the_files_a_process_holds():
    links = "total 0\nlr-x------ 1 u u 64 Nov 28 04:00 0 -> /dev/null\nlrwx------ 1 u u 64 Nov 28 04:00 3 -> 'socket:[4711]'\n"
    assert procfs.socket_inodes(links) == {4711}


def test_a_secret_is_found_inside_a_longer_text_and_an_empty_one_never():
    secrets = {"password": "hush", "unset": ""}
    assert procfs.holding("postgresql://u:hush@h/db", secrets) == ["password"]
    assert procfs.holding("quiet", secrets) == []


def test_a_path_leads_through_all_above_it():
    assert procfs.steps("/a/b/c") == ["/a", "/a/b", "/a/b/c"]
    assert procfs.steps("a/../b") == ["a", "a/..", "a/../b"]
    assert procfs.steps("/") == []


@pytest.mark.parametrize(
    ("path", "step", "target", "without"),
    [
        ("/var/run/secrets", "/var/run", "/run", "/run/secrets"),
        ("/etc/it/it.yaml", "/etc/it/it.yaml", "..data/it.yaml", "/etc/it/..data/it.yaml"),
        ("/a/b/c", "/a/b", "../x", "/x/c"),
        ("here/it", "here", "there", "there/it"),
        ("here/it", "here", "/there", "/there/it"),
        ("here/it", "here", "..", "../it"),
    ],
)
def test_a_link_is_followed_from_where_it_is(path, step, target, without):
    assert procfs.followed(path, step, target) == without
