// Command opa runs policies in Rego by Open Policy Agent's own library, as conftest does.
//
//	go run . test FOLDER               runs the folder's tests, and prints a line a test: its name and pass or fail
//	go run . deny PLAN FOLDER [DATA…]  prints what the package main denies of the plan, as a JSON list
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/util"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "test":
		return test(ctx, args[1])
	case len(args) >= 3 && args[0] == "deny":
		return deny(ctx, args[1], args[2:])
	}
	return errors.New("usage: opa test FOLDER, or opa deny PLAN FOLDER [DATA…]")
}

func test(ctx context.Context, folder string) error {
	modules, store, err := tester.Load([]string{folder}, nil)
	if err != nil {
		return err
	}
	return storage.Txn(ctx, store, storage.TransactionParams{}, func(txn storage.Transaction) error {
		results, err := tester.NewRunner().SetStore(store).SetModules(modules).RunTests(ctx, txn)
		if err != nil {
			return err
		}
		for r := range results {
			word := "fail"
			if r.Pass() {
				word = "pass"
			}
			fmt.Println(r.Name, word)
			if r.Error != nil {
				return fmt.Errorf("%s: %w", r.Name, r.Error)
			}
		}
		return nil
	})
}

func deny(ctx context.Context, plan string, paths []string) error {
	text, err := os.ReadFile(plan)
	if err != nil {
		return err
	}
	var input any
	if err := util.UnmarshalJSON(text, &input); err != nil {
		return fmt.Errorf("%s: %w", plan, err)
	}
	results, err := rego.New(rego.Query("data.main.deny"), rego.Load(paths, nil), rego.Input(input)).Eval(ctx)
	if err != nil {
		return err
	}
	if len(results) != 1 {
		return fmt.Errorf("%v have no data.main.deny", paths)
	}
	return json.NewEncoder(os.Stdout).Encode(results[0].Expressions[0].Value)
}
