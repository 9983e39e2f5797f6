"""What the two clusters are told of each other's addresses."""

from fawkes.harness.operator.objects import load_objects
from fawkes.harness.places import PLATFORM, WORKLOADS
from fawkes.harness.providers.kind.pair_site import ASKED_IN_DOJO, bucket_beside


def test_thanos_query_names_every_part_of_the_dojo_that_it_asks():
    """Their addresses are replaced where they stand; one that is called otherwise would be asked in vain."""
    query = load_objects(WORKLOADS).get("Deployment", "fawkes-monitoring", "thanos-query")
    (container,) = query["spec"]["template"]["spec"]["containers"]
    assert set(ASKED_IN_DOJO.values()) == {one for one in container["args"] if "fawkes-dojo" in one}


def test_the_dojo_finds_the_object_store_under_the_name_that_its_parts_know():
    namespace, service, addresses = bucket_beside("172.18.0.2", 30107)
    (wanted,) = {
        line.split()[-1]
        for one in load_objects(PLATFORM).of("Secret", "fawkes-dojo")
        for text in one.get("stringData", {}).values()
        for line in text.splitlines()
        if "endpoint:" in line
    }
    metadata, (port,) = service["metadata"], service["spec"]["ports"]
    assert wanted == f"{metadata['name']}.{metadata['namespace']}.svc:{port['port']}"
    assert namespace["metadata"]["name"] == metadata["namespace"]
    assert addresses["metadata"]["labels"]["kubernetes.io/service-name"] == metadata["name"]
    assert [one["addresses"] for one in addresses["endpoints"]] == [["172.18.0.2"]]
    assert (port["name"], port["targetPort"]) == (addresses["ports"][0]["name"], addresses["ports"][0]["port"])
    assert addresses["ports"][0]["port"] == 30107
