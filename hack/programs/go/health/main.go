// Command health says what others make of a TenantProxy: kstatus, Flux's and Helm's fork of it, and Argo CD.
//
// It reads {"lua": "…", "objects": {"name": {…}}} and writes {"name": {"kstatus": …, "flux": …, "argocd": …}}, each
// with a status and a message. The Lua is what a user has in argocd-cm; it runs as in Argo CD: with `obj`, in a VM
// without I/O, and returns a table with `status` and `message`.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	flux "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	luajson "layeh.com/gopher-json"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type question struct {
	Lua     string                    `json:"lua"`
	Objects map[string]map[string]any `json:"objects"`
}

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	answers := map[string]map[string]health{}
	for name, object := range asked.Objects {
		answer, err := judge(asked.Lua, object)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		answers[name] = answer
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func judge(check string, object map[string]any) (map[string]health, error) {
	// Numbers as the API's own decoder has them.
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var thing unstructured.Unstructured
	if err := thing.UnmarshalJSON(encoded); err != nil {
		return nil, err
	}
	one, err := kstatus.Compute(&thing)
	if err != nil {
		return nil, fmt.Errorf("kstatus: %w", err)
	}
	other, err := flux.Compute(&thing)
	if err != nil {
		return nil, fmt.Errorf("flux: %w", err)
	}
	argo, err := argoHealth(check, thing.Object)
	if err != nil {
		return nil, fmt.Errorf("argocd: %w", err)
	}
	return map[string]health{
		"kstatus": {one.Status.String(), one.Message},
		"flux":    {other.Status.String(), other.Message},
		"argocd":  argo,
	}, nil
}

func argoHealth(check string, object map[string]any) (health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString,
	} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	state.SetGlobal("obj", luajson.DecodeValue(state, plain(object)))
	if err := state.DoString(check); err != nil {
		return health{}, err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return health{}, fmt.Errorf("the health check returns a %s, not a table", state.Get(-1).Type())
	}
	return health{lua.LVAsString(table.RawGetString("status")), lua.LVAsString(table.RawGetString("message"))}, nil
}

// plain returns a value with all numbers as gopher-json takes them.
func plain(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := map[string]any{}
		for key, inner := range value {
			copied[key] = plain(inner)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for index, inner := range value {
			copied[index] = plain(inner)
		}
		return copied
	case int64:
		return float64(value)
	default:
		return value
	}
}
