package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardfleet/cardfleet/internal/logs"
	"github.com/cardfleet/cardfleet/providers/all"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/file"
	"github.com/cardfleet/cardfleet/spec/safe"
	"github.com/cardfleet/cardfleet/state/local"
)

// seedFile, beside the configuration, is the simulated world that a first run
// starts from.
const seedFile = "simulator.json"

// simulate starts the simulated carriers where a provider block asks for them
// with endpoint = "simulator", and returns the blocks pointed to them. Their
// fleet is kept beside the state, so that the next run finds what this one did.
// Without calls they aren't started: the blocks point to where none is.
func (c *configuration) simulate(calls bool) ([]spec.ProviderConfig, error) {
	configs := append([]spec.ProviderConfig(nil), c.fleet.Providers...)
	wanted := false
	for _, block := range configs {
		wanted = wanted || block.Settings["endpoint"] == carriersim.Simulator
	}
	if !wanted {
		return configs, nil
	}
	carriers, base, err := c.startSimulators(calls)
	if err != nil {
		return nil, err
	}
	for i := range configs {
		for k := range carriers {
			if carriers[k].Wants(configs[i]) {
				configs[i] = carriers[k].Point(configs[i], base)
			}
		}
	}
	return configs, nil
}

func (c *configuration) startSimulators(calls bool) (carriers []carriersim.Carrier, base string, err error) {
	if !calls {
		return all.Simulators(&carriersim.World{}), "http://127.0.0.1:0", nil
	}
	world, err := c.openWorld()
	if err != nil {
		return nil, "", err
	}
	c.closers = append(c.closers, world.Close)
	carriers = all.Simulators(world)
	base, stop, err := serveLoopback("127.0.0.1:0", carriersim.Serve(carriers))
	if err != nil {
		return nil, "", err
	}
	c.closers = append(c.closers, stop)
	return carriers, base, nil
}

// openWorld opens the world beside the state. A first run begins with the seed
// file where there is one, and with an open world otherwise.
func (c *configuration) openWorld() (*carriersim.World, error) {
	path := local.Path(c.dir(), c.fleet.Backend) + ".simulator.json"
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		seed, err := file.Read(filepath.Join(c.dir(), seedFile))
		switch {
		case err == nil:
			if err := os.WriteFile(path, seed, 0o600); err != nil {
				return nil, fmt.Errorf("start the simulated world from %s: %w", seedFile, err)
			}
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("start the simulated world: %w", err)
		}
	}
	world, err := carriersim.Load(path)
	if err != nil {
		return nil, err
	}
	world.Now, world.Sleep = c.env.Now, c.env.Sleep
	return world, nil
}

// serveLoopback serves HTTP on a loopback address until stop is called.
func serveLoopback(address string, handler http.Handler) (base string, stop func() error, err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", nil, fmt.Errorf("serve the simulated carriers: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	stop = func() error {
		closed := server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return errors.Join(err, closed)
		}
		return closed
	}
	return "http://" + listener.Addr().String(), stop, nil
}

type simulatorOptions struct {
	listen, world string
	ownPorts      bool
}

func (prog *program) simulatorCommand() *cli.Command {
	o := &simulatorOptions{}
	return &cli.Command{
		Name:  "simulator",
		Usage: "serve every carrier's API on loopback, for trials and CI",
		Description: `Serves simulated carriers, as strict as the real ones, until it is interrupted. Point provider
blocks at the addresses that it prints, with the access key testid and testsecret. Without
-world the fleet is in memory, and any card that is asked for exists. With it, the fleet is the
file's and what the carriers do is kept there; the file also has latency, rate limits and
faults (see docs/simulator.md). The carriers' own SDKs take a host without a path: -own-ports gives
each API a port of its own, after that of -listen and in the order printed.`,
		UsageText: "cardfleet simulator -listen=127.0.0.1:8790 -world=world.json",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8790", Usage: "serve on loopback address `ADDR`; port 0 takes a free one", Destination: &o.listen},
			&cli.BoolFlag{Name: "own-ports", Usage: "give each API a port of its own as well, and print that", Destination: &o.ownPorts},
			&cli.StringFlag{Name: "world", Usage: "keep the simulated fleet in `FILE`", Destination: &o.world},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			return prog.runSimulator(ctx, *o)
		},
	}
}

func (prog *program) runSimulator(ctx context.Context, o simulatorOptions) (err error) {
	prog.open(viewOptions{})
	host, _, err := net.SplitHostPort(o.listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return refuse("Not a loopback address", "-listen=%s: the simulator serves on this machine only, like 127.0.0.1:8790.", o.listen)
	}
	world := &carriersim.World{Open: true}
	if o.world != "" {
		path := within(prog.dir(), o.world)
		if world, err = carriersim.Load(path); err != nil {
			return err
		}
		if err := writable(path); err != nil {
			return refuse("The world can't be kept", "-world=%s: no file can be written in its folder: %v. Make the folder, or name another.", safe.Text(o.world), err)
		}
	}
	world.Now, world.Sleep = prog.env.Now, prog.env.Sleep
	carriers := all.Simulators(world)
	var closers []func() error
	defer func() {
		for _, stop := range closers {
			err = errors.Join(err, stop())
		}
		err = errors.Join(err, world.Close())
	}()
	addresses, err := prog.serveSimulators(o, carriers, &closers)
	if err != nil {
		return err
	}
	prog.printSimulators(carriers, addresses)
	<-ctx.Done()
	return nil
}

// writable says why nothing can be written where a file is to be kept, nor beside it.
func writable(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".simulator-*")
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		return of.Err // without the name, which nobody knows
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// serveSimulators serves the carriers, and gives the base URL of each API in
// their order. What it started is added to closers, also where it fails.
func (prog *program) serveSimulators(o simulatorOptions, carriers []carriersim.Carrier, closers *[]func() error) (addresses []string, err error) {
	hide := spec.Conceal(secretsOf(carriers)...)
	logged := func(h http.Handler) http.Handler { return logs.Served(prog.seen.log, hide, prog.env.Now, h) }
	base, stop, err := serveLoopback(o.listen, logged(carriersim.Serve(carriers)))
	if err != nil {
		return nil, err
	}
	*closers = append(*closers, stop)
	host, port, _ := net.SplitHostPort(o.listen) // serveLoopback has listened there
	first, _ := strconv.Atoi(port)
	for _, c := range carriers {
		for _, service := range c.Services {
			if !o.ownPorts {
				addresses = append(addresses, base+service.Path)
				continue
			}
			own := 0 // a free one
			if first != 0 {
				own = first + len(addresses) + 1
			}
			alone, stop, err := serveLoopback(net.JoinHostPort(host, strconv.Itoa(own)), logged(service.Alone()))
			if err != nil {
				return nil, fmt.Errorf("%w: it would be the port for %s of %s; -listen=%s takes free ones", err, service.Setting, c.Type, net.JoinHostPort(host, "0"))
			}
			*closers = append(*closers, stop)
			addresses = append(addresses, alone+service.Root)
		}
	}
	return addresses, nil
}

// secretsOf are what the simulated carriers' callers prove themselves by.
func secretsOf(carriers []carriersim.Carrier) []string {
	secrets := []string{carriersim.TestSecret, carriersim.TestKey}
	for _, c := range carriers {
		for _, a := range c.World.Accounts {
			secrets = append(secrets, a.Secret)
		}
	}
	slices.Sort(secrets)
	return slices.Compact(secrets)
}

func (prog *program) printSimulators(carriers []carriersim.Carrier, addresses []string) {
	prog.out.result("The simulated carriers listen. Point provider blocks at them:\n\n")
	for _, c := range carriers {
		prog.out.result("  provider %q {\n", c.Type)
		for _, service := range c.Services {
			prog.out.result("    %s = %q\n", service.Setting, addresses[0])
			addresses = addresses[1:]
		}
		if c.IDSetting != "" {
			prog.out.result("    %s = %q\n", c.IDSetting, carriersim.TestID)
		}
		prog.out.result("    %s = %q\n", c.SecretSetting, carriersim.TestSecret)
		if c.KeySetting != "" {
			prog.out.result("    %s = %q\n", c.KeySetting, carriersim.TestKey)
		}
		prog.out.result("  }\n")
	}
	prog.out.result("\nInterrupt (Ctrl-C) to stop.\n")
}

// schemas are the settings of every provider type.
func schemas() []spec.Schema {
	var out []spec.Schema
	for _, t := range all.Types() {
		out = append(out, t.Schema)
	}
	return out
}
