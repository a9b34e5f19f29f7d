// Command kubernetes reads objects of Kubernetes by its own types, strictly: a field
// that a type doesn't have, or one that is written twice, is an error. It prints what
// it understood as JSON, a line an object.
//
//	go run . deployment.yaml
package main

import (
	"encoding/json"
	"fmt"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	for _, file := range os.Args[1:] {
		if err := read(file); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			os.Exit(1)
		}
	}
}

func read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var d appsv1.Deployment
	if err := yaml.UnmarshalStrict(text, &d); err != nil {
		return err
	}
	if d.APIVersion != "apps/v1" || d.Kind != "Deployment" {
		return fmt.Errorf("it is a %s of %s", d.Kind, d.APIVersion)
	}
	return json.NewEncoder(os.Stdout).Encode(&d)
}
