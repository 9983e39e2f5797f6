from fawkes.harness.oracle.alert_posts import posts_of_prometheus

LABELS = {"alertname": "Down", "job": "jenkins"}


def posts(*evaluations, until_s=10.0, resend_delay_s=2.0):
    found = posts_of_prometheus(LABELS, evaluations, interval_s=0.5, resend_delay_s=resend_delay_s, until_s=until_s)
    return [(post.at_s, post.starts_s, post.ends_s) for post in found]


def firing(from_s, to_s):
    return [(half / 2, "firing") for half in range(round(from_s * 2), round(to_s * 2))]


def test_a_firing_alert_is_sent_at_once_and_again_after_more_than_the_resend_delay():
    assert posts(*firing(1, 7), until_s=7) == [(1.0, 1.0, 9.0), (3.5, 1.0, 11.5), (6.0, 1.0, 14.0)]


def test_its_end_is_sent_at_the_first_evaluation_without_it_and_again_for_a_quarter_of_an_hour():
    sent = posts(*firing(1, 2), until_s=2000, resend_delay_s=300)
    assert sent == [(1.0, 1.0, 1201.0), (2.0, 1.0, 2.0), (302.5, 1.0, 2.0), (603.0, 1.0, 2.0)]


def test_a_pending_alert_is_not_sent_and_ends_the_telling_of_its_last_end():
    evaluations = [*firing(1, 2), (4.0, "pending"), *firing(5, 6)]
    assert posts(*evaluations, until_s=6, resend_delay_s=1) == [
        (1.0, 1.0, 5.0),
        (2.0, 1.0, 2.0),
        (3.5, 1.0, 2.0),
        (5.0, 5.0, 9.0),
    ]


def test_an_alert_that_is_back_after_a_gap_has_a_new_beginning():
    assert posts(*firing(1, 2), *firing(4, 5), until_s=5) == [(1.0, 1.0, 9.0), (2.0, 1.0, 2.0), (4.0, 4.0, 12.0)]


def test_one_that_never_fires_is_never_sent():
    assert posts((1.0, "pending"), (1.5, "pending")) == []
