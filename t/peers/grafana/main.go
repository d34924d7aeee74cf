// Reads dashboards by the strict decoder of Grafana's Foundation SDK for Go,
// which refuses members that the schema does not have, and validates them.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The SDK returns an empty list of errors, which is not nil, for success.
func problems(err error) []string {
	var list cog.BuildErrors
	var texts []string

	if err == nil {
		return nil
	}
	if !errors.As(err, &list) {
		return []string{err.Error()}
	}
	for _, e := range list {
		texts = append(texts, e.Path+": "+e.Message)
	}
	return texts
}

func main() {
	status := 0
	plugins.RegisterDefaultPlugins()

	for _, name := range os.Args[1:] {
		var d dashboard.Dashboard

		data, err := os.ReadFile(name)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}

		found := problems(d.UnmarshalJSONStrict(data))
		if len(found) == 0 {
			found = problems(d.Validate())
		}
		for _, text := range found {
			fmt.Printf("%s: %s\n", name, text)
			status = 1
		}
	}

	os.Exit(status)
}
