// Package sdk drives the AWS SDK for Go against the gateway, with nothing set but what the environment tells
// (tests/sdk/with-gateway) and path style, which an endpoint by IP needs.
package sdk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

var (
	background = context.Background()
	settings   aws.Config
	client     *s3.Client
	number     atomic.Int32
)

func TestMain(m *testing.M) {
	var err error
	if settings, err = config.LoadDefaultConfig(background); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	client = connect(settings)
	os.Exit(m.Run())
}

func connect(settings aws.Config) *s3.Client {
	return s3.NewFromConfig(settings, func(options *s3.Options) { options.UsePathStyle = true })
}

// must gives the result of a call that has to succeed.
func must[T any](result T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
}

// refused checks that the call was refused with this status and code.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var api smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Fatalf("%s was expected: %v", code, err)
	}
	if response.HTTPStatusCode() != status || api.ErrorCode() != code || response.ServiceRequestID() == "" {
		t.Fatalf("%d %s was expected: %v", status, code, err)
	}
}

func equal[T comparable](t *testing.T, found, expected T) {
	t.Helper()
	if found != expected {
		t.Fatalf("%v was expected, not %v", expected, found)
	}
}

// bucket makes a new one.
func bucket(t *testing.T) *string {
	t.Helper()
	name := aws.String(fmt.Sprintf("aws-go-%d", number.Add(1)))
	input := &s3.CreateBucketInput{Bucket: name}
	input.CreateBucketConfiguration = &types.CreateBucketConfiguration{
		LocationConstraint: types.BucketLocationConstraint(settings.Region),
	}
	must(client.CreateBucket(background, input))(t)
	return name
}

func put(t *testing.T, bucket *string, key, content string) *s3.PutObjectOutput {
	t.Helper()
	input := &s3.PutObjectInput{Bucket: bucket, Key: aws.String(key), Body: strings.NewReader(content)}
	return must(client.PutObject(background, input))(t)
}

// get gives the object's bytes; the SDK holds them to the checksum that comes along.
func get(t *testing.T, input *s3.GetObjectInput) []byte {
	t.Helper()
	object := must(client.GetObject(background, input))(t)
	defer object.Body.Close()
	return must(io.ReadAll(object.Body))(t)
}

// pattern repeats after a prime number of bytes, so that no two parts of an upload are the same.
func pattern(length int) []byte {
	period := make([]byte, 251)
	for i := range period {
		period[i] = byte(i)
	}
	return bytes.Repeat(period, length/len(period)+1)[:length]
}

// cli runs a subcommand of the gateway's against the gateway.
func cli(t *testing.T, arguments ...string) {
	t.Helper()
	if printed, err := exec.Command(os.Getenv("OBS_GATEWAY_BIN"), arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
}
