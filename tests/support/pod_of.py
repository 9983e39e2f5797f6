"""What a workload's controller would make of it, for an API server that judges pods only."""

from fawkes.harness.operator.objects import Manifest, name_of


def pod_of(workload: Manifest, namespace: str) -> Manifest:
    """A pod, with a volume for each of its claims."""
    template = workload["spec"]["template"]
    spec = {key: value for key, value in template["spec"].items() if key != "serviceAccountName"}
    named = {volume["name"] for volume in spec.get("volumes") or ()}
    mounted = {mount["name"] for one in spec["containers"] for mount in one.get("volumeMounts", ())}
    claimed = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in sorted(mounted - named)]
    metadata = {**template["metadata"], "name": f"{name_of(workload)}-try", "namespace": namespace}
    volumes = [*(spec.get("volumes") or ()), *claimed]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "volumes": volumes}}
