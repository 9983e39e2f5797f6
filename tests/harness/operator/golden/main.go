// Writes the prometheus.yml that the Prometheus Operator generates for the first Prometheus object of a file, with all
// of the file's ServiceMonitors selected. It calls the operator's own code, at the version in go.mod:
//
//	go mod tidy && go run . objects.yaml > operator.yaml
package main

import (
	"os"
	"strings"

	"sigs.k8s.io/yaml"

	v1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus-operator/prometheus-operator/pkg/assets"
	operator "github.com/prometheus-operator/prometheus-operator/pkg/prometheus"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	must(err)
	var prometheus *v1.Prometheus
	monitors := map[string]*v1.ServiceMonitor{}
	for _, document := range strings.Split(string(text), "\n---\n") {
		var head struct{ Kind string }
		must(yaml.Unmarshal([]byte(document), &head))
		switch head.Kind {
		case "Prometheus":
			prometheus = &v1.Prometheus{}
			must(yaml.UnmarshalStrict([]byte(document), prometheus))
		case "ServiceMonitor":
			monitor := &v1.ServiceMonitor{}
			must(yaml.UnmarshalStrict([]byte(document), monitor))
			monitors[monitor.Namespace+"/"+monitor.Name] = monitor
		}
	}
	generator, err := operator.NewConfigGenerator(nil, prometheus)
	must(err)
	config, err := generator.GenerateServerConfiguration(
		prometheus, monitors, nil, nil, nil, assets.NewTestStoreBuilder(), nil, nil, nil, []string{"rulefiles-0"})
	must(err)
	_, err = os.Stdout.Write(config)
	must(err)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
