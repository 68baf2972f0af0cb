// Objects one at a time: what is put is got, whole and in part, under conditions, with tags and checksums.

package sdk

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestAStringWithTheChecksumThatTheClientAddsByItself(t *testing.T) {
	b := bucket(t)
	key := aws.String("a b/ü")
	made := must(client.PutObject(background, &s3.PutObjectInput{
		Bucket:      b,
		Key:         key,
		Body:        strings.NewReader("hello"),
		ContentType: aws.String("text/plain"),
		Metadata:    map[string]string{"who": "me"},
	}))(t)
	equal(t, *made.ETag, `"5d41402abc4b2a76b9719d911017c592"`)
	equal(t, *made.ChecksumCRC32, "NhCmhg==")
	found := must(client.GetObject(background, &s3.GetObjectInput{Bucket: b, Key: key}))(t)
	defer found.Body.Close()
	equal(t, *found.ChecksumCRC32, "NhCmhg==") // or there would have been nothing to verify
	equal(t, *found.ContentType, "text/plain")
	equal(t, found.Metadata["who"], "me")
	equal(t, string(get(t, &s3.GetObjectInput{Bucket: b, Key: key})), "hello")
	input := &s3.HeadObjectInput{Bucket: b, Key: key, ChecksumMode: types.ChecksumModeEnabled}
	head := must(client.HeadObject(background, input))(t)
	equal(t, *head.ContentLength, 5)
	equal(t, *head.ChecksumCRC32, "NhCmhg==")
}

func TestEveryChecksum(t *testing.T) {
	b := bucket(t)
	for algorithm, expected := range map[types.ChecksumAlgorithm]string{
		types.ChecksumAlgorithmCrc32:     "NhCmhg==",
		types.ChecksumAlgorithmCrc32c:    "mnG7TA==",
		types.ChecksumAlgorithmCrc64nvme: "M3eFcAZSQlc=",
		types.ChecksumAlgorithmSha1:      "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
		types.ChecksumAlgorithmSha256:    "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
	} {
		key := aws.String(string(algorithm))
		input := &s3.PutObjectInput{Bucket: b, Key: key, Body: strings.NewReader("hello"), ChecksumAlgorithm: algorithm}
		must(client.PutObject(background, input))(t)
		equal(t, string(get(t, &s3.GetObjectInput{Bucket: b, Key: key})), "hello")
		attributes := must(client.GetObjectAttributes(background, &s3.GetObjectAttributesInput{
			Bucket:           b,
			Key:              key,
			ObjectAttributes: []types.ObjectAttributes{"Checksum", "ETag", "ObjectSize", "StorageClass"},
		}))(t)
		equal(t, *attributes.ObjectSize, 5)
		equal(t, *attributes.ETag, "5d41402abc4b2a76b9719d911017c592")
		sums := attributes.Checksum
		var shown []string
		for _, sum := range []*string{
			sums.ChecksumCRC32, sums.ChecksumCRC32C, sums.ChecksumCRC64NVME, sums.ChecksumSHA1, sums.ChecksumSHA256,
		} {
			if sum != nil {
				shown = append(shown, *sum)
			}
		}
		equal(t, strings.Join(shown, " "), expected)
	}
}

func TestAWrongChecksumStoresNothing(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	_, err := client.PutObject(background, &s3.PutObjectInput{
		Bucket: b, Key: key, Body: strings.NewReader("hello"), ChecksumCRC32: aws.String("AAAAAA=="),
	})
	refused(t, err, 400, "BadDigest")
	_, err = client.HeadObject(background, &s3.HeadObjectInput{Bucket: b, Key: key})
	var missing *types.NotFound
	equal(t, errors.As(err, &missing), true)
}

func TestRanges(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	put(t, b, "k", "hello world")
	found := must(client.GetObject(background, &s3.GetObjectInput{Bucket: b, Key: key, Range: aws.String("bytes=6-8")}))(t)
	found.Body.Close()
	equal(t, *found.ContentRange, "bytes 6-8/11")
	equal(t, string(get(t, &s3.GetObjectInput{Bucket: b, Key: key, Range: aws.String("bytes=6-8")})), "wor")
	equal(t, string(get(t, &s3.GetObjectInput{Bucket: b, Key: key, Range: aws.String("bytes=-5")})), "world")
	_, err := client.GetObject(background, &s3.GetObjectInput{Bucket: b, Key: key, Range: aws.String("bytes=11-")})
	refused(t, err, 416, "InvalidRange")
}

func TestCopies(t *testing.T) {
	b := bucket(t)
	put(t, b, "a/ü +", "hello")
	source := aws.String(*b + "/" + url.QueryEscape("a/ü +")) // as in the examples of AWS: a bare plus is a space
	input := &s3.CopyObjectInput{Bucket: b, Key: aws.String("b"), CopySource: source}
	copied := must(client.CopyObject(background, input))(t)
	equal(t, *copied.CopyObjectResult.ETag, `"5d41402abc4b2a76b9719d911017c592"`)
	equal(t, string(get(t, &s3.GetObjectInput{Bucket: b, Key: aws.String("b")})), "hello")
}

func TestTags(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	must(client.PutObject(background, &s3.PutObjectInput{Bucket: b, Key: key, Tagging: aws.String("a=1&b=2+3")}))(t)
	tags := func() (text string) {
		found := must(client.GetObjectTagging(background, &s3.GetObjectTaggingInput{Bucket: b, Key: key}))(t)
		for _, tag := range found.TagSet {
			text += *tag.Key + "=" + *tag.Value + ";"
		}
		return
	}
	equal(t, tags(), "a=1;b=2 3;")
	must(client.PutObjectTagging(background, &s3.PutObjectTaggingInput{
		Bucket: b, Key: key, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("c"), Value: aws.String("")}}},
	}))(t)
	equal(t, tags(), "c=;")
	must(client.DeleteObjectTagging(background, &s3.DeleteObjectTaggingInput{Bucket: b, Key: key}))(t)
	equal(t, tags(), "")
}

func TestConditions(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	write := func(content string, input s3.PutObjectInput) (*s3.PutObjectOutput, error) {
		input.Bucket, input.Key, input.Body = b, key, strings.NewReader(content)
		return client.PutObject(background, &input)
	}
	first := must(write("first", s3.PutObjectInput{IfNoneMatch: aws.String("*")}))(t)
	_, err := write("second", s3.PutObjectInput{IfNoneMatch: aws.String("*")})
	refused(t, err, 412, "PreconditionFailed")
	_, err = write("third", s3.PutObjectInput{IfMatch: aws.String(`"0"`)})
	refused(t, err, 412, "PreconditionFailed")
	equal(t, string(get(t, &s3.GetObjectInput{Bucket: b, Key: key})), "first")
	must(write("fourth", s3.PutObjectInput{IfMatch: first.ETag}))(t)
	equal(t, string(get(t, &s3.GetObjectInput{Bucket: b, Key: key})), "fourth")
	_, err = client.GetObject(background, &s3.GetObjectInput{Bucket: b, Key: key, IfMatch: first.ETag})
	refused(t, err, 412, "PreconditionFailed")
}

func TestWhatIsNotThereHasATypeOfItsOwn(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	_, err := client.GetObject(background, &s3.GetObjectInput{Bucket: b, Key: key})
	var noKey *types.NoSuchKey
	equal(t, errors.As(err, &noKey), true)
	refused(t, err, 404, "NoSuchKey")
	elsewhere := aws.String(*b + "-not")
	_, err = client.PutObject(background, &s3.PutObjectInput{Bucket: elsewhere, Key: key})
	refused(t, err, 404, "NoSuchBucket")
	_, err = client.ListObjectsV2(background, &s3.ListObjectsV2Input{Bucket: elsewhere})
	var noBucket *types.NoSuchBucket
	equal(t, errors.As(err, &noBucket), true)
	must(client.DeleteObject(background, &s3.DeleteObjectInput{Bucket: b, Key: key}))(t)
}

func TestAFullBucketIsQuotaExceeded(t *testing.T) {
	b := bucket(t)
	cli(t, "quota", "set", *b, "10")
	put(t, b, "a", "0123456789")
	_, err := client.PutObject(background, &s3.PutObjectInput{Bucket: b, Key: aws.String("b"), Body: strings.NewReader("!")})
	refused(t, err, 403, "QuotaExceeded")
	must(client.DeleteObject(background, &s3.DeleteObjectInput{Bucket: b, Key: aws.String("a")}))(t)
	put(t, b, "b", "!")
}

func TestBytesStayWhatTheyAre(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	content := pattern(3_000_001)
	must(client.PutObject(background, &s3.PutObjectInput{Bucket: b, Key: key, Body: bytes.NewReader(content)}))(t)
	equal(t, bytes.Equal(get(t, &s3.GetObjectInput{Bucket: b, Key: key}), content), true)
}
