import pytest

from fawkes.harness.kubernetes.trouble import how_it_ended, troubles


def pod(*containers: dict, init: tuple[dict, ...] = (), conditions: tuple[dict, ...] = ()) -> dict:
    status = {
        "containerStatuses": list(containers),
        "initContainerStatuses": list(init),
        "conditions": list(conditions),
    }
    return {"kind": "Pod", "metadata": {"name": "it"}, "status": status}


def waiting(reason: str, *, restarts: int = 0, name: str = "main", **more: object) -> dict:
    return {"name": name, "restartCount": restarts, "state": {"waiting": {"reason": reason, "message": "so"}}, **more}


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "CreateContainerConfigError"]
)
def test_an_image_or_a_secret_may_still_come(reason):
    (trouble,) = troubles(pod(waiting(reason)))
    assert trouble.heals_within_s >= 20
    assert not trouble.of_the_product
    assert str(trouble) == f"container main: {reason}: so"


def test_a_name_that_is_none_never_becomes_one():
    (trouble,) = troubles(pod(waiting("InvalidImageName")))
    assert trouble.heals_within_s == 0


def test_who_crashes_again_and_again_is_at_fault_itself():
    ended = {"terminated": {"exitCode": 2, "reason": "Error"}}
    (trouble,) = troubles(pod(waiting("CrashLoopBackOff", restarts=3, lastState=ended)))
    assert trouble.of_the_product
    assert trouble.heals_within_s == 0
    assert "exit code 2" in str(trouble)


def test_who_crashed_once_may_have_waited_for_a_neighbour():
    assert list(troubles(pod(waiting("CrashLoopBackOff", restarts=2)))) == []


def test_init_containers_count():
    (trouble,) = troubles(pod(init=(waiting("ErrImagePull", name="first"),)))
    assert trouble.where == "first"


def test_no_room():
    nowhere = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient cpu"}
    (trouble,) = troubles(pod(conditions=(nowhere,)))
    assert str(trouble) == "Unschedulable: Insufficient cpu"
    assert not trouble.of_the_product


def test_who_is_only_slow_is_in_no_trouble():
    running = {"name": "main", "restartCount": 0, "state": {"running": {}}}
    assert list(troubles(pod(running, waiting("ContainerCreating"), waiting("PodInitializing")))) == []
    assert list(troubles({"kind": "Pod", "metadata": {"name": "it"}})) == []


def test_how_a_container_ended_is_told_with_what_it_was_asked_to_run():
    ended = {"terminated": {"exitCode": 7, "reason": "Error"}}
    now = pod({"name": "main", "state": ended})
    before = pod(waiting("CrashLoopBackOff", restarts=3, lastState=ended))
    for one in (now, before):
        one["spec"] = {"containers": [{"name": "main", "command": ["python3"], "args": ["-c", "no"]}]}
        assert how_it_ended(one) == (("python3", "-c", "no"), 7)
    assert how_it_ended({**pod(waiting("ContainerCreating")), "spec": {"containers": [{"name": "main"}]}}) == ((), None)
