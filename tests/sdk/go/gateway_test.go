// The real executable, run for the tests: start, the CLI beside it, stop. Nothing here knows the SDK.

package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startSeconds = 60
	stopSeconds  = 30

	region        = "region-1"
	rootAccessKey = "ROOTACCESSKEY0000001"
	rootSecretKey = "root-secret-key-of-the-sdk-suites-000001"
)

var listening = regexp.MustCompile(`(?m)^listening (data|console) http://127\.0\.0\.1:(\d+)$`)

// gateway is one running `obs-gateway serve`, on ports of the kernel's choice, over a data folder of its own.
type gateway struct {
	binary      string
	folder      string
	environment []string
	process     *exec.Cmd
	left        chan error
	port        int
	console     int
}

func startGateway() (*gateway, error) {
	binary := os.Getenv("OBS_GATEWAY_BIN")
	if binary == "" {
		binary = "../../../target/debug/obs-gateway"
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "obs-gateway-go-")
	if err != nil {
		return nil, err
	}
	g := &gateway{binary: binary, folder: folder, left: make(chan error, 1)}
	// Settings of whoever runs the tests must not reach the gateway.
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "OBS_GATEWAY_") {
			g.environment = append(g.environment, setting)
		}
	}
	g.environment = append(g.environment,
		"OBS_GATEWAY_DATA="+filepath.Join(folder, "data"),
		"OBS_GATEWAY_LISTEN=127.0.0.1:0",
		"OBS_GATEWAY_DOMAIN=obs.localhost",
		"OBS_GATEWAY_REGION="+region,
		"OBS_GATEWAY_ROOT_ACCESS_KEY="+rootAccessKey,
		"OBS_GATEWAY_ROOT_SECRET_KEY="+rootSecretKey,
	)
	if err := g.serve(); err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	g.environment = append(g.environment, fmt.Sprintf("OBS_GATEWAY_CONSOLE_LISTEN=127.0.0.1:%d", g.console))
	return g, nil
}

func (g *gateway) serve() error {
	// Files, not pipes: a pipe nobody reads fills up and stops the gateway.
	stdout, err := os.Create(filepath.Join(g.folder, "stdout"))
	if err != nil {
		return err
	}
	defer stdout.Close()
	stderr, err := os.Create(filepath.Join(g.folder, "stderr"))
	if err != nil {
		return err
	}
	defer stderr.Close()
	g.process = exec.Command(g.binary, "serve")
	g.process.Dir = g.folder // an obs-gateway.toml of the checkout is not the tests'
	g.process.Env = append(g.environment[:len(g.environment):len(g.environment)], "OBS_GATEWAY_CONSOLE_LISTEN=127.0.0.1:0")
	g.process.Stdout, g.process.Stderr = stdout, stderr
	if err := g.process.Start(); err != nil {
		return err
	}
	go func() { g.left <- g.process.Wait() }()
	for deadline := time.Now().Add(startSeconds * time.Second); time.Now().Before(deadline); {
		for _, line := range listening.FindAllStringSubmatch(g.read("stdout"), -1) {
			port, _ := strconv.Atoi(line[2])
			if line[1] == "data" {
				g.port = port
			} else {
				g.console = port
			}
		}
		if g.port != 0 && g.console != 0 {
			return nil
		}
		select {
		case err := <-g.left:
			return fmt.Errorf("%s left while starting: %v\n%s", g.binary, err, g.output())
		case <-time.After(20 * time.Millisecond):
		}
	}
	g.process.Process.Kill()
	return fmt.Errorf("%s did not start in %d s:\n%s", g.binary, startSeconds, g.output())
}

func (g *gateway) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(g.folder, name))
	return string(text)
}

// output is what the gateway has printed so far, for messages.
func (g *gateway) output() string {
	return "--- stdout\n" + g.read("stdout") + "--- stderr\n" + g.read("stderr")
}

// stop sends SIGTERM, and the gateway has to leave by itself, with exit code 0.
func (g *gateway) stop() error {
	defer os.RemoveAll(g.folder)
	g.process.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-g.left:
		if err != nil {
			return fmt.Errorf("the gateway left with %v:\n%s", err, g.output())
		}
		return nil
	case <-time.After(stopSeconds * time.Second):
		g.process.Process.Kill()
		return fmt.Errorf("the gateway ignored SIGTERM for %d s:\n%s", stopSeconds, g.output())
	}
}

// cli runs a subcommand against this gateway and gives what it prints.
func (g *gateway) cli(arguments ...string) (string, error) {
	command := exec.Command(g.binary, arguments...)
	command.Dir, command.Env = g.folder, g.environment
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("obs-gateway %s: %v\n%s", strings.Join(arguments, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

type key struct {
	AccessKey     string `json:"access_key"`
	SecretKey     string `json:"secret_key"`
	SecurityToken string `json:"security_token"`
}

// createAccount makes an account and a key for it.
func (g *gateway) createAccount(name string) (made key, err error) {
	if _, err = g.cli("account", "create", name); err != nil {
		return
	}
	printed, err := g.cli("key", "create", "--account", name, "--json")
	if err == nil {
		err = json.Unmarshal([]byte(printed), &made)
	}
	return
}

var counted = regexp.MustCompile(`(?m)^obs_gateway_requests_total\{([^}]*)\} (\d+)$`)

// successes is how often each operation has succeeded, by its name in docs/operations.md.
func (g *gateway) successes() (map[string]int, error) {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", g.console))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, line := range counted.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(line[1], `code="OK"`) {
			operation := strings.Split(strings.SplitN(line[1], `operation="`, 2)[1], `"`)[0]
			counts[operation], _ = strconv.Atoi(line[2])
		}
	}
	return counts, nil
}
