// Uploads by the SDK's manager and by hand, signed URLs, and sessions of the token service.

package sdk

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const mib = 1 << 20

// stream hides that the length is known and that one may go back.
type stream struct{ io.Reader }

func TestTheManagerSendsAStreamOfUnknownLength(t *testing.T) {
	b := bucket(t)
	for key, length := range map[string]int{"small": 100_001, "large": 12*mib + 1} {
		content := pattern(length)
		input := &s3.PutObjectInput{Bucket: b, Key: aws.String(key), Body: stream{bytes.NewReader(content)}}
		must(manager.NewUploader(client).Upload(background, input))(t)
		into := manager.NewWriteAtBuffer(nil)
		object := &s3.GetObjectInput{Bucket: b, Key: aws.String(key)}
		must(manager.NewDownloader(client).Download(background, into, object))(t)
		equal(t, bytes.Equal(into.Bytes(), content), true)
	}
	attributes := must(client.GetObjectAttributes(background, &s3.GetObjectAttributesInput{
		Bucket:           b,
		Key:              aws.String("large"),
		ObjectAttributes: []types.ObjectAttributes{"ObjectParts", "ObjectSize"},
	}))(t)
	equal(t, *attributes.ObjectParts.TotalPartsCount, 3)
	equal(t, *attributes.ObjectSize, 12*mib+1)
}

func TestAnUploadByHand(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	parts := [][]byte{pattern(5 * mib), []byte("the end")}
	upload := must(client.CreateMultipartUpload(background, &s3.CreateMultipartUploadInput{Bucket: b, Key: key}))(t)
	uploads := must(client.ListMultipartUploads(background, &s3.ListMultipartUploadsInput{Bucket: b}))(t)
	equal(t, *uploads.Uploads[0].UploadId, *upload.UploadId)
	var completed []types.CompletedPart
	for i, part := range parts {
		number := aws.Int32(int32(i) + 1)
		sent := must(client.UploadPart(background, &s3.UploadPartInput{
			Bucket: b, Key: key, UploadId: upload.UploadId, PartNumber: number, Body: bytes.NewReader(part),
		}))(t)
		completed = append(completed, types.CompletedPart{
			PartNumber: number, ETag: sent.ETag, ChecksumCRC32: sent.ChecksumCRC32,
		})
	}
	listed := must(client.ListParts(background, &s3.ListPartsInput{Bucket: b, Key: key, UploadId: upload.UploadId}))(t)
	equal(t, *listed.Parts[1].Size, int64(len(parts[1])))
	complete := func(parts []types.CompletedPart) (*s3.CompleteMultipartUploadOutput, error) {
		return client.CompleteMultipartUpload(background, &s3.CompleteMultipartUploadInput{
			Bucket: b, Key: key, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	_, err := complete([]types.CompletedPart{{PartNumber: aws.Int32(1), ETag: completed[1].ETag}})
	refused(t, err, 400, "InvalidPart")
	done := must(complete(completed))(t)
	equal(t, strings.HasSuffix(*done.ETag, `-2"`), true)
	equal(t, bytes.Equal(get(t, &s3.GetObjectInput{Bucket: b, Key: key}), bytes.Join(parts, nil)), true)
}

func TestAnUploadThatIsGivenUp(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	upload := must(client.CreateMultipartUpload(background, &s3.CreateMultipartUploadInput{Bucket: b, Key: key}))(t)
	input := &s3.AbortMultipartUploadInput{Bucket: b, Key: key, UploadId: upload.UploadId}
	must(client.AbortMultipartUpload(background, input))(t)
	_, err := client.UploadPart(background, &s3.UploadPartInput{
		Bucket: b, Key: key, UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x"),
	})
	refused(t, err, 404, "NoSuchUpload")
}

func TestSignedAddresses(t *testing.T) {
	b, key := bucket(t), aws.String("a b/ü")
	signer := s3.NewPresignClient(client)
	send := func(method, url, content string) (int, string) {
		request := must(http.NewRequest(method, url, strings.NewReader(content)))(t)
		response := must(http.DefaultClient.Do(request))(t)
		defer response.Body.Close()
		return response.StatusCode, string(must(io.ReadAll(response.Body))(t))
	}
	to := must(signer.PresignPutObject(background, &s3.PutObjectInput{Bucket: b, Key: key}))(t)
	if status, answer := send(to.Method, to.URL, "hello"); status != 200 {
		t.Fatal(answer)
	}
	from := must(signer.PresignGetObject(background, &s3.GetObjectInput{Bucket: b, Key: key}))(t)
	status, answer := send(from.Method, from.URL, "")
	equal(t, fmt.Sprint(status, answer), "200hello")
	status, answer = send("DELETE", from.URL, "")
	equal(t, status, 403)
	equal(t, strings.Contains(answer, "<Code>SignatureDoesNotMatch</Code>"), true)
}

func TestASessionMayDoWhatItsPolicyAllows(t *testing.T) {
	b := bucket(t)
	put(t, b, "a", "hello")
	service := sts.NewFromConfig(settings)
	me := must(service.GetCallerIdentity(background, nil))(t)
	equal(t, *me.Arn, "arn:aws:iam::"+*me.Account+":root")
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::` +
		*b + `/*"}]}`
	role := "arn:aws:iam::" + *me.Account + ":role/reader"
	reading := settings.Copy()
	reading.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(service, role,
		func(options *stscreds.AssumeRoleOptions) { options.Policy = &policy }))
	reader := connect(reading)
	object := must(reader.GetObject(background, &s3.GetObjectInput{Bucket: b, Key: aws.String("a")}))(t)
	object.Body.Close()
	_, err := reader.PutObject(background, &s3.PutObjectInput{Bucket: b, Key: aws.String("b")})
	refused(t, err, 403, "AccessDenied")

	session := must(service.GetSessionToken(background, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(900)}))(t)
	keys := session.Credentials
	whole := settings.Copy()
	whole.Credentials = credentials.NewStaticCredentialsProvider(*keys.AccessKeyId, *keys.SecretAccessKey, *keys.SessionToken)
	must(connect(whole).PutObject(background, &s3.PutObjectInput{Bucket: b, Key: aws.String("b")}))(t)
	_, err = service.AssumeRole(background, &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/reader"), RoleSessionName: aws.String("test"),
	})
	refused(t, err, 403, "AccessDenied")
}
