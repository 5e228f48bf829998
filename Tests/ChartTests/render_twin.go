// SPDX-License-Identifier: Apache-2.0

// Renders a chart with Go's own text/template and the real Sprig, as Helm does: the twin of
// chart_renderer.py. Reads {"chart","values","name","namespace","kubeVersion","apiVersions"} as JSON
// from standard input, the values already merged, and writes {file: text}.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type request struct {
	Chart, Name, Namespace, KubeVersion string
	Values, About                       map[string]interface{}
	APIVersions                         []string
}

type files struct{ root string }

func (f files) Get(name string) string {
	text, err := os.ReadFile(filepath.Join(f.root, name))
	if err != nil {
		return ""
	}
	return string(text)
}

func (f files) Glob(pattern string) map[string][]byte {
	found := map[string][]byte{}
	names, _ := filepath.Glob(filepath.Join(f.root, pattern))
	for _, name := range names {
		text, _ := os.ReadFile(name)
		short, _ := filepath.Rel(f.root, name)
		found[short] = text
	}
	return found
}

type versions []string

func (v versions) Has(name string) bool {
	for _, one := range v {
		if one == name {
			return true
		}
	}
	return false
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "render_twin:", err)
		os.Exit(1)
	}
}

func main() {
	var wanted request
	check(json.NewDecoder(os.Stdin).Decode(&wanted))
	all := template.New("charts").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	functions["toYaml"] = func(value interface{}) string {
		text, err := yaml.Marshal(value)
		check(err)
		return strings.TrimSuffix(string(text), "\n")
	}
	functions["include"] = func(name string, dot interface{}) (string, error) {
		var output bytes.Buffer
		err := all.ExecuteTemplate(&output, name, dot)
		return output.String(), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	all.Funcs(functions)
	names, err := filepath.Glob(filepath.Join(wanted.Chart, "templates", "*"))
	check(err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		check(err)
		_, err = all.New(filepath.Base(name)).Parse(string(text))
		check(err)
	}
	about := map[string]interface{}{}
	for key, value := range wanted.About {
		about[strings.ToUpper(key[:1])+key[1:]] = value
	}
	dot := map[string]interface{}{
		"Values": wanted.Values, "Chart": about, "Files": files{wanted.Chart},
		"Release": map[string]interface{}{
			"Name": wanted.Name, "Namespace": wanted.Namespace, "Service": "Helm",
		},
		"Capabilities": map[string]interface{}{
			"KubeVersion": map[string]interface{}{"Version": wanted.KubeVersion},
			"APIVersions": versions(wanted.APIVersions),
		},
	}
	rendered := map[string]string{}
	for _, name := range names {
		base := filepath.Base(name)
		if strings.HasPrefix(base, "_") {
			continue
		}
		var output bytes.Buffer
		check(all.ExecuteTemplate(&output, base, dot))
		// As Helm: what a missing value prints is nothing.
		rendered[base] = strings.ReplaceAll(output.String(), "<no value>", "")
	}
	check(json.NewEncoder(os.Stdout).Encode(rendered))
}
