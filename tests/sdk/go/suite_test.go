// Package sdk drives huaweicloud-sdk-go-obs against the real executable, in the two modes the SDK has:
//
//	obs  by host name: `Authorization: OBS`, x-obs-*, bucket in the host name
//	v2   by IP: `Authorization: AWS` (V2), x-amz-*, bucket in the path; the SDK switches by itself
package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

var theGateway *gateway

func TestMain(m *testing.M) {
	var err error
	if theGateway, err = startGateway(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := theGateway.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// session is what a test works with: a mode, and clients of it.
type session struct {
	t      *testing.T
	mode   string
	client *obs.ObsClient // the root account's
	tap    *tap           // of that client
}

// each runs the test once in either mode, and records which operations it has exercised. The operations are named as
// in docs/operations.md; each must have succeeded at least once while the test ran.
func each(t *testing.T, operations []string, test func(t *testing.T, s *session)) {
	t.Helper()
	for _, mode := range []string{"obs", "v2"} {
		t.Run(mode, func(t *testing.T) {
			s := &session{t: t, mode: mode}
			s.covers(s.of(operations)...)
			s.client, s.tap = s.connect(key{AccessKey: rootAccessKey, SecretKey: rootSecretKey})
			test(t, s)
		})
	}
}

// ops is only there to make the lists of `each` short to write. A name may begin with the one mode it is meant for.
func ops(names ...string) []string { return names }

func (s *session) of(operations []string) (chosen []string) {
	for _, operation := range operations {
		if i := strings.Index(operation, ":"); i < 0 {
			chosen = append(chosen, operation)
		} else if operation[:i] == s.mode {
			chosen = append(chosen, operation[i+1:])
		}
	}
	return
}

// pick is one of two values, by the mode.
func pick[T any](s *session, obs, v2 T) T {
	if s.mode == "obs" {
		return obs
	}
	return v2
}

// covers records these operations as exercised by the test once it has ended.
func (s *session) covers(operations ...string) {
	before := s.successes()
	s.t.Cleanup(func() {
		// A request is counted after its answer has gone out, so the last one may be a moment late.
		missing := operations
		for deadline := time.Now().Add(time.Minute); len(missing) > 0 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			after := s.successes()
			var still []string
			for _, operation := range missing {
				if after[operation] <= before[operation] {
					still = append(still, operation)
				}
			}
			missing = still
			if s.t.Failed() {
				break
			}
		}
		if len(missing) > 0 && !s.t.Failed() {
			s.t.Errorf("claimed, but not one of these has succeeded: %v", missing)
		}
		s.record(operations)
	})
}

func (s *session) successes() map[string]int {
	counts, err := theGateway.successes()
	if err != nil {
		s.t.Fatal(err)
	}
	return counts
}

// record appends a line per operation to the file that docs/compatibility.md is printed from.
func (s *session) record(operations []string) {
	path := os.Getenv("OBS_GATEWAY_SDK_RESULTS")
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	for _, operation := range operations {
		line, _ := json.Marshal(map[string]any{
			"operation": operation,
			"sdk":       "huaweicloud-sdk-go-obs",
			"version":   obs.OBS_SDK_VERSION,
			"mode":      s.mode,
			"test":      s.t.Name(),
			"passed":    !s.t.Failed(),
		})
		if _, err := file.Write(append(line, '\n')); err != nil {
			s.t.Error(err)
		}
	}
}

// tap sits between the SDK and the socket. It checks that every request is of the mode, and may break one.
type tap struct {
	transport http.RoundTripper
	mode      string
	broken    atomic.Value // func(*http.Request) error: an error is what the SDK gets in place of an answer
}

func (tap *tap) RoundTrip(request *http.Request) (*http.Response, error) {
	if word := strings.SplitN(request.Header.Get("Authorization"), " ", 2)[0]; word != "" &&
		word != map[string]string{"obs": "OBS", "v2": "AWS"}[tap.mode] {
		return nil, fmt.Errorf("the SDK signs with %q in mode %s", word, tap.mode)
	}
	if hook, ok := tap.broken.Load().(func(*http.Request) error); ok && hook != nil {
		if err := hook(request); err != nil {
			return nil, err
		}
	}
	return tap.transport.RoundTrip(request)
}

// onRequest has the hook see every request from now on.
func (tap *tap) onRequest(hook func(*http.Request) error) { tap.broken.Store(hook) }

func (s *session) endpoint() string {
	return fmt.Sprintf("http://%s:%d", pick(s, "obs.localhost", "127.0.0.1"), theGateway.port)
}

// plainClient is an HTTP client that finds *.localhost. RFC 6761 reserves these names for the loopback address, but
// resolvers ask the DNS for all but `localhost` itself.
var plainClient = &http.Client{
	Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
		DisableCompression: true,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       30 * time.Second,
}

// connect makes a client of the session's mode; without keys it is nobody's.
func (s *session) connect(of key) (*obs.ObsClient, *tap) {
	tap := &tap{transport: plainClient.Transport, mode: s.mode}
	client, err := obs.New(of.AccessKey, of.SecretKey, s.endpoint(),
		obs.WithSignature(obs.SignatureObs), // the mode it falls back from by IP
		obs.WithSecurityToken(of.SecurityToken),
		obs.WithMaxRetryCount(0), // a retried 5xx would look like a success
		obs.WithHttpClient(&http.Client{Transport: tap, CheckRedirect: plainClient.CheckRedirect, Timeout: plainClient.Timeout}),
	)
	if err != nil {
		s.t.Fatal(err)
	}
	return client, tap
}

// account makes a further account, and a client for it.
func (s *session) account() (name string, client *obs.ObsClient) {
	s.t.Helper()
	name = s.newName()
	made, err := theGateway.createAccount(name)
	if err != nil {
		s.t.Fatal(err)
	}
	client, _ = s.connect(made)
	return name, client
}

// nobody is a client without keys.
func (s *session) nobody() *obs.ObsClient {
	client, _ := s.connect(key{})
	return client
}

// accountID is the account's identifier, as its buckets' owner is named.
func (s *session) accountID(client *obs.ObsClient) string {
	s.t.Helper()
	return accept(client.ListBuckets(nil))(s.t).Owner.ID
}

var names atomic.Int64

// newName gives names no other test uses, fit for buckets and for accounts.
func (s *session) newName() string { return fmt.Sprintf("sdk-go-%s-%d", s.mode, names.Add(1)) }

// bucket makes an empty bucket; gone afterwards, for an account may have only so many.
func (s *session) bucket(with ...func(*obs.CreateBucketInput)) string {
	s.t.Helper()
	name := s.newName()
	input := &obs.CreateBucketInput{Bucket: name}
	for _, change := range with {
		change(input)
	}
	accept(s.client.CreateBucket(input))(s.t)
	s.t.Cleanup(func() { s.removeBucket(name) })
	return name
}

func (s *session) removeBucket(name string) {
	if _, err := s.client.HeadBucket(name); err != nil {
		return // the test itself has deleted it
	}
	for {
		listing := accept(s.client.ListObjects(&obs.ListObjectsInput{Bucket: name, ListObjsInput: obs.ListObjsInput{EncodingType: "url"}}))(s.t)
		if len(listing.Contents) == 0 {
			break
		}
		// Backwards: the entries of a folder of a file system come after the folder.
		for i := len(listing.Contents) - 1; i >= 0; i-- {
			accept(s.client.DeleteObject(&obs.DeleteObjectInput{Bucket: name, Key: listing.Contents[i].Key}))(s.t)
		}
	}
	if bytes, objects := s.usage(name); bytes != 0 || objects != 0 {
		s.t.Errorf("the empty bucket %s holds %d bytes and %d objects", name, bytes, objects)
	}
	accept(s.client.DeleteBucket(name))(s.t)
}

// accept is for calls that must succeed; gives what the SDK made of the answer.
func accept[T any](output T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return output
	}
}

// refuse is for calls that must be refused with this status and, where the answer has a body, this code.
func refuse[T any](_ T, err error) func(t *testing.T, status int, code string) {
	return func(t *testing.T, status int, code string) {
		t.Helper()
		var fault obs.ObsError
		if !errors.As(err, &fault) {
			t.Fatalf("expected %d %s, not %v", status, code, err)
		}
		if fault.StatusCode != status || fault.Code != code {
			t.Fatalf("expected %d %s, not %v", status, code, err)
		}
		if len(fault.RequestId) != 32 {
			t.Errorf("request id %q", fault.RequestId)
		}
	}
}

// usage is the bytes and the number of objects in the bucket, as the gateway counts them.
func (s *session) usage(bucket string) (size int64, objects int) {
	s.t.Helper()
	info := accept(s.client.GetBucketStorageInfo(bucket))(s.t)
	return info.Size, info.ObjectNumber
}

func (s *session) checkUsage(bucket string, size int64, objects int) {
	s.t.Helper()
	if gotSize, gotObjects := s.usage(bucket); gotSize != size || gotObjects != objects {
		s.t.Errorf("usage of %s is (%d, %d), not (%d, %d)", bucket, gotSize, gotObjects, size, objects)
	}
}

// put stores an object of the root account's.
func (s *session) put(bucket, key, content string, with ...func(*obs.PutObjectInput)) *obs.PutObjectOutput {
	s.t.Helper()
	return accept(s.tryPut(s.client, bucket, key, content, with...))(s.t)
}

func (s *session) tryPut(client *obs.ObsClient, bucket, key, content string, with ...func(*obs.PutObjectInput)) (*obs.PutObjectOutput, error) {
	input := &obs.PutObjectInput{Body: strings.NewReader(content)}
	input.Bucket, input.Key = bucket, key
	for _, change := range with {
		change(input)
	}
	return client.PutObject(input)
}

// get reads an object, whole or as the changes to the request ask.
func (s *session) get(bucket, key string, with ...func(*obs.GetObjectInput)) (*obs.GetObjectOutput, string) {
	s.t.Helper()
	output := accept(s.tryGet(s.client, bucket, key, with...))(s.t)
	defer output.Body.Close()
	content, err := io.ReadAll(output.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return output, string(content)
}

func (s *session) tryGet(client *obs.ObsClient, bucket, key string, with ...func(*obs.GetObjectInput)) (*obs.GetObjectOutput, error) {
	input := &obs.GetObjectInput{}
	input.Bucket, input.Key = bucket, key
	for _, change := range with {
		change(input)
	}
	return client.GetObject(input)
}

func (s *session) head(bucket, key string) *obs.GetObjectMetadataOutput {
	s.t.Helper()
	return accept(s.client.GetObjectMetadata(&obs.GetObjectMetadataInput{Bucket: bucket, Key: key}))(s.t)
}

func (s *session) checkContent(bucket, key, content string) {
	s.t.Helper()
	if _, got := s.get(bucket, key); got != content {
		s.t.Errorf("%s holds %q, not %q", key, shortened(got), shortened(content))
	}
}

func shortened(text string) string {
	if len(text) > 100 {
		return fmt.Sprintf("%s… (%d bytes)", text[:100], len(text))
	}
	return text
}

// check compares two values by what they print.
func (s *session) check(what string, got, want any) {
	s.t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		s.t.Errorf("%s is %s, not %s", what, shortened(g), shortened(w))
	}
}

// pattern is `size` bytes that differ from place to place, so that a piece in the wrong place shows.
func pattern(size int) []byte {
	var buffer bytes.Buffer
	for i := 0; buffer.Len() < size; i++ {
		fmt.Fprintf(&buffer, "%08d\n", i)
	}
	return buffer.Bytes()[:size]
}
