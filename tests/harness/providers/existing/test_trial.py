"""A pod of every image is tried before a platform is: what the kubelet would say of it is played, the rest is real."""

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.catalogue import SERVICES
from fawkes.harness.providers.existing.planned import platform_prefix, whole_platform
from fawkes.harness.providers.existing.trial import NAMESPACE, images_of, try_images

IMAGES = [SERVICES, "quay.io/prometheus/prometheus:v3"]
WITHIN_S = 5.0


def container(name, **state):
    return {"name": name, "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}


def ended(code):
    return {"terminated": {"exitCode": code}}


def waiting(reason):
    return {"waiting": {"reason": reason, "message": "the registry says no"}}


@pytest.fixture
def tried(fence, plane, word):
    """Tries images, of which the kubelet says `states`, in the order of IMAGES."""

    def run(*states):
        statuses = [container(f"image-{index}", **state) for index, state in enumerate(states)]
        space = f"{word}-{NAMESPACE}"

        class Kubelet(RealClock):
            def wait(self, seconds):
                if fence.get("v1", "Pod", "trial", space):
                    plane.set_status("pod", space, "trial", {"phase": "Running", "containerStatuses": statuses})
                super().wait(seconds)

        try_images(fence, platform_prefix(word), IMAGES, SERVICES, clock=Kubelet(), within_s=WITHIN_S)

    yield run
    space = fence.get("v1", "Namespace", f"{word}-{NAMESPACE}")
    assert space is None or "deletionTimestamp" in space["metadata"]


def test_images_that_are_there_are_enough_whatever_most_of_them_make_of_it(tried):
    tried(ended(0), ended(2))


def test_a_program_that_cannot_be_started_has_an_image_all_the_same(tried):
    tried(ended(0), waiting("RunContainerError"))


def test_an_image_that_does_not_come_is_told_in_the_clusters_words(tried):
    with pytest.raises(ProviderError, match=r"(?s)--services-image.*the registry says no"):
        tried(waiting("ImagePullBackOff"), ended(0))


def test_a_name_that_no_image_can_have_is_not_waited_for(tried):
    with pytest.raises(ProviderError, match="InvalidImageName") as told:
        tried(waiting("InvalidImageName"), ended(0))
    assert "gave up early" in str(told.value.__cause__)


def test_services_of_somebody_else_are_not_ours(tried):
    with pytest.raises(ProviderError, match="not an image of these services"):
        tried(ended(1), ended(0))


def test_every_image_of_the_platform_is_tried():
    images = images_of(whole_platform(platform_prefix("alice")))
    assert SERVICES in images
    assert {name.rpartition("/")[2].partition(":")[0] for name in images} >= {
        "minio",
        "thanos",
        "prometheus",
        "alertmanager",
        "kube-state-metrics",
        "node-exporter",
        "services",
    }
