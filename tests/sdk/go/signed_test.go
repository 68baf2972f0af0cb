package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

// sign makes a signed URL of the root account's.
func (s *session) sign(method obs.HttpMethodType, bucket, key string, resource obs.SubResourceType, with ...func(*obs.CreateSignedUrlInput)) (string, http.Header) {
	s.t.Helper()
	return s.signAs(s.client, method, bucket, key, resource, with...)
}

func (s *session) signAs(client *obs.ObsClient, method obs.HttpMethodType, bucket, key string, resource obs.SubResourceType, with ...func(*obs.CreateSignedUrlInput)) (string, http.Header) {
	s.t.Helper()
	input := &obs.CreateSignedUrlInput{Method: method, Bucket: bucket, Key: key, SubResource: resource, Expires: 60}
	for _, change := range with {
		change(input)
	}
	made := accept(client.CreateSignedUrl(input))(s.t)
	return made.SignedUrl, made.ActualSignedRequestHeaders
}

func query(names ...string) func(*obs.CreateSignedUrlInput) {
	return func(input *obs.CreateSignedUrlInput) {
		input.QueryParams = map[string]string{}
		for i := 0; i < len(names); i += 2 {
			input.QueryParams[names[i]] = names[i+1]
		}
	}
}

func headers(names ...string) func(*obs.CreateSignedUrlInput) {
	return func(input *obs.CreateSignedUrlInput) {
		input.Headers = map[string]string{}
		for i := 0; i < len(names); i += 2 {
			input.Headers[names[i]] = names[i+1]
		}
	}
}

func TestSignedURLsOfBuckets(t *testing.T) {
	each(t, ops("ListBuckets", "CreateBucket", "HeadBucket", "DeleteBucket", "ListObjects", "GetBucketLocation", "PutBucketQuota",
		"GetBucketQuota", "GetBucketStorageInfo"), func(t *testing.T, s *session) {
		name := s.newName()
		url, header := s.sign(obs.HttpMethodPut, name, "", "")
		accept(s.client.CreateBucketWithSignedUrl(url, header, nil))(t)
		url, header = s.sign(obs.HttpMethodHead, name, "", "")
		accept(s.client.HeadBucketWithSignedUrl(url, header))(t)
		url, header = s.sign(obs.HttpMethodGet, "", "", "")
		s.check("has buckets", len(accept(s.client.ListBucketsWithSignedUrl(url, header))(t).Buckets) > 0, true)
		url, header = s.sign(obs.HttpMethodGet, name, "", "", query("prefix", "a b/", "max-keys", "7"))
		listing := accept(s.client.ListObjectsWithSignedUrl(url, header))(t)
		s.check("what was asked", fmt.Sprint(listing.Name, listing.Prefix, listing.MaxKeys), fmt.Sprint(name, "a b/", 7))
		url, header = s.sign(obs.HttpMethodPut, name, "", obs.SubResourceQuota)
		accept(s.client.SetBucketQuotaWithSignedUrl(url, header, strings.NewReader("<Quota><StorageQuota>4711</StorageQuota></Quota>")))(t)
		url, header = s.sign(obs.HttpMethodGet, name, "", obs.SubResourceQuota)
		s.check("quota", accept(s.client.GetBucketQuotaWithSignedUrl(url, header))(t).Quota, 4711)
		url, header = s.sign(obs.HttpMethodGet, name, "", obs.SubResourceStorageInfo)
		s.check("size", accept(s.client.GetBucketStorageInfoWithSignedUrl(url, header))(t).Size, 0)
		url, header = s.sign(obs.HttpMethodGet, name, "", obs.SubResourceLocation)
		answer, document := s.fetch("GET", url, nil, header)
		s.check("status", answer.StatusCode, 200)
		s.check("has the region", strings.Contains(document, region), true)
		url, header = s.sign(obs.HttpMethodDelete, name, "", "")
		accept(s.client.DeleteBucketWithSignedUrl(url, header))(t)
		refuse(s.client.HeadBucket(name))(t, 404, "NoSuchBucket")
	})
}

func TestSignedURLsOfSettings(t *testing.T) {
	each(t, ops("PutBucketAcl", "GetBucketAcl", "PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy", "PutBucketCors",
		"GetBucketCors", "DeleteBucketCors", "PutBucketVersioning", "GetBucketVersioning", "PutBucketTagging", "GetBucketTagging",
		"DeleteBucketTagging", "PutBucketRequestPayment", "GetBucketRequestPayment", "ListObjectVersions"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		url, header := s.sign(obs.HttpMethodPut, bucket, "", obs.SubResourceAcl, headers(pick(s, "x-obs-acl", "x-amz-acl"), "public-read"))
		accept(s.client.SetBucketAclWithSignedUrl(url, header, nil))(t)
		url, header = s.sign(obs.HttpMethodGet, bucket, "", obs.SubResourceAcl)
		s.check("grants", len(accept(s.client.GetBucketAclWithSignedUrl(url, header))(t).Grants), 2)

		policy := s.policy("Allow", "", "GetObject", bucket, "/*")
		url, header = s.sign(obs.HttpMethodPut, bucket, "", obs.SubResourcePolicy)
		accept(s.client.SetBucketPolicyWithSignedUrl(url, header, strings.NewReader(policy)))(t)
		url, header = s.sign(obs.HttpMethodGet, bucket, "", obs.SubResourcePolicy)
		s.check("policy", accept(s.client.GetBucketPolicyWithSignedUrl(url, header))(t).Policy, policy)
		url, header = s.sign(obs.HttpMethodDelete, bucket, "", obs.SubResourcePolicy)
		accept(s.client.DeleteBucketPolicyWithSignedUrl(url, header))(t)

		cors := "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
		url, header = s.sign(obs.HttpMethodPut, bucket, "", obs.SubResourceCors, headers("Content-MD5", contentMD5(cors)))
		accept(s.client.SetBucketCorsWithSignedUrl(url, header, strings.NewReader(cors)))(t)
		url, header = s.sign(obs.HttpMethodGet, bucket, "", obs.SubResourceCors)
		s.check("rules", len(accept(s.client.GetBucketCorsWithSignedUrl(url, header))(t).CorsRules), 1)
		url, header = s.sign(obs.HttpMethodDelete, bucket, "", obs.SubResourceCors)
		accept(s.client.DeleteBucketCorsWithSignedUrl(url, header))(t)

		tags := "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
		url, header = s.sign(obs.HttpMethodPut, bucket, "", obs.SubResourceTagging, headers("Content-MD5", contentMD5(tags)))
		accept(s.client.SetBucketTaggingWithSignedUrl(url, header, strings.NewReader(tags)))(t)
		url, header = s.sign(obs.HttpMethodGet, bucket, "", obs.SubResourceTagging)
		s.check("tags", len(accept(s.client.GetBucketTaggingWithSignedUrl(url, header))(t).Tags), 1)
		url, header = s.sign(obs.HttpMethodDelete, bucket, "", obs.SubResourceTagging)
		accept(s.client.DeleteBucketTaggingWithSignedUrl(url, header))(t)

		url, header = s.sign(obs.HttpMethodPut, bucket, "", obs.SubResourceVersioning)
		versioning := "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
		accept(s.client.SetBucketVersioningWithSignedUrl(url, header, strings.NewReader(versioning)))(t)
		url, header = s.sign(obs.HttpMethodGet, bucket, "", obs.SubResourceVersioning)
		s.check("state", accept(s.client.GetBucketVersioningWithSignedUrl(url, header))(t).Status, obs.VersioningStatusSuspended)
		url, header = s.sign(obs.HttpMethodGet, bucket, "", obs.SubResourceVersions)
		s.check("versions", len(accept(s.client.ListVersionsWithSignedUrl(url, header))(t).Versions), 0)

		url, header = s.sign(obs.HttpMethodPut, bucket, "", obs.SubResourceRequestPayment)
		payment := "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"
		accept(s.client.SetBucketRequestPaymentWithSignedUrl(url, header, strings.NewReader(payment)))(t)
		url, header = s.sign(obs.HttpMethodGet, bucket, "", obs.SubResourceRequestPayment)
		s.check("payer", accept(s.client.GetBucketRequestPaymentWithSignedUrl(url, header))(t).Payer, obs.BucketOwnerPayer)
	})
}

func TestSignedURLsOfObjects(t *testing.T) {
	each(t, ops("PutObject", "GetObject", "HeadObject", "CopyObject", "PutObjectAcl", "GetObjectAcl", "AppendObject", "DeleteObjects",
		"DeleteObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		const key = "a b/ü+c"
		prefix := pick(s, "x-obs-", "x-amz-")
		url, header := s.sign(obs.HttpMethodPut, bucket, key, "", headers(
			"Content-Type", "text/x-letters", "Content-MD5", contentMD5(alphabet), prefix+"meta-colour", "blue"))
		stored := accept(s.client.PutObjectWithSignedUrl(url, header, strings.NewReader(alphabet)))(t)
		s.check("etag", stored.ETag, etag(alphabet))
		url, header = s.sign(obs.HttpMethodHead, bucket, key, "")
		head := accept(s.client.GetObjectMetadataWithSignedUrl(url, header))(t)
		s.check("type", head.ContentType, "text/x-letters")
		s.check("metadata", head.Metadata, map[string]string{"colour": "blue"})
		url, header = s.sign(obs.HttpMethodGet, bucket, key, "", query("response-content-type", "text/x-asked"))
		answer, content := s.fetch("GET", url, nil, header)
		s.check("answer", fmt.Sprint(answer.StatusCode, answer.Header.Get("Content-Type"), content), fmt.Sprint(200, "text/x-asked", alphabet))
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte("a file"), 0o600); err != nil {
			t.Fatal(err)
		}
		url, header = s.sign(obs.HttpMethodPut, bucket, "file", "")
		accept(s.client.PutFileWithSignedUrl(url, header, path))(t)
		s.checkContent(bucket, "file", "a file")

		url, header = s.sign(obs.HttpMethodPut, bucket, "copy", "", headers(prefix+"copy-source", "/"+bucket+"/a%20b/%C3%BC%2Bc"))
		s.check("etag", accept(s.client.CopyObjectWithSignedUrl(url, header))(t).ETag, etag(alphabet))
		url, header = s.sign(obs.HttpMethodPut, bucket, "copy", obs.SubResourceAcl, headers(prefix+"acl", "public-read"))
		accept(s.client.SetObjectAclWithSignedUrl(url, header, nil))(t)
		url, header = s.sign(obs.HttpMethodGet, bucket, "copy", obs.SubResourceAcl)
		s.check("grants", len(accept(s.client.GetObjectAclWithSignedUrl(url, header))(t).Grants), 2)
		url, header = s.sign(obs.HttpMethodPost, bucket, "log", obs.SubResourceAppend, query("position", "0"))
		appended := accept(s.client.AppendObjectWithSignedURL(url, header, strings.NewReader("one")))(t)
		s.check("position", appended.NextAppendPosition, 3)

		document := "<Delete><Quiet>false</Quiet><Object><Key>log</Key></Object><Object><Key>copy</Key></Object></Delete>"
		url, header = s.sign(obs.HttpMethodPost, bucket, "", obs.SubResourceDelete, headers("Content-MD5", contentMD5(document)))
		s.check("deleted", len(accept(s.client.DeleteObjectsWithSignedUrl(url, header, strings.NewReader(document)))(t).Deleteds), 2)
		url, header = s.sign(obs.HttpMethodDelete, bucket, key, "")
		accept(s.client.DeleteObjectWithSignedUrl(url, header))(t)
		s.checkUsage(bucket, 6, 1)
	})
}

func TestSignedURLsOfUploads(t *testing.T) {
	each(t, ops("InitiateMultipartUpload", "UploadPart", "CopyPart", "ListParts", "ListMultipartUploads",
		"CompleteMultipartUpload", "AbortMultipartUpload"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		content := string(pattern(partSize))
		s.put(bucket, "source", "copied")
		url, header := s.sign(obs.HttpMethodPost, bucket, "a", obs.SubResourceUploads)
		upload := accept(s.client.InitiateMultipartUploadWithSignedUrl(url, header))(t).UploadId
		url, header = s.sign(obs.HttpMethodPut, bucket, "a", "", query("uploadId", upload, "partNumber", "1"))
		first := accept(s.client.UploadPartWithSignedUrl(url, header, strings.NewReader(content)))(t).ETag
		url, header = s.sign(obs.HttpMethodPut, bucket, "a", "", query("uploadId", upload, "partNumber", "2"),
			headers(pick(s, "x-obs-", "x-amz-")+"copy-source", "/"+bucket+"/source"))
		second := accept(s.client.CopyPartWithSignedUrl(url, header))(t).ETag
		url, header = s.sign(obs.HttpMethodGet, bucket, "a", "", query("uploadId", upload))
		s.check("parts", len(accept(s.client.ListPartsWithSignedUrl(url, header))(t).Parts), 2)
		url, header = s.sign(obs.HttpMethodGet, bucket, "", obs.SubResourceUploads)
		s.check("uploads", len(accept(s.client.ListMultipartUploadsWithSignedUrl(url, header))(t).Uploads), 1)
		url, header = s.sign(obs.HttpMethodPost, bucket, "a", "", query("uploadId", upload))
		document := fmt.Sprintf("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part>"+
			"<Part><PartNumber>2</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>", first, second)
		accept(s.client.CompleteMultipartUploadWithSignedUrl(url, header, strings.NewReader(document)))(t)
		s.checkContent(bucket, "a", content+"copied")
		other := s.begin(bucket, "b")
		url, header = s.sign(obs.HttpMethodDelete, bucket, "b", "", query("uploadId", other))
		accept(s.client.AbortMultipartUploadWithSignedUrl(url, header))(t)
	})
}

func TestSignedURLsOpenNothingElse(t *testing.T) {
	each(t, nil, func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "a", "a")
		s.put(bucket, "b", "b")
		good, header := s.sign(obs.HttpMethodGet, bucket, "a", "")
		_, content := s.fetch("GET", good, nil, header)
		s.check("content", content, "a")
		for _, changed := range [][2]string{
			{"GET", strings.Replace(good, "/a?", "/b?", 1)},
			{"DELETE", good},
			{"GET", strings.Replace(good, "Expires=", "Expires=1", 1)},
			{"PUT", good + "&acl"},
		} {
			answer, _ := s.fetch(changed[0], changed[1], nil, header)
			s.check("status of "+changed[0]+" "+changed[1], answer.StatusCode, 403)
		}
		s.checkUsage(bucket, 2, 2)
	})
}

// post sends a form as a browser would; the file is its last field.
func (s *session) post(bucket string, fields map[string]string, file string) (*http.Response, string) {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		form.WriteField(name, value)
	}
	part, _ := form.CreateFormFile("file", "name.txt")
	part.Write([]byte(file))
	form.Close()
	return s.fetch("POST", s.url(bucket, ""), &body, http.Header{"Content-Type": {form.FormDataContentType()}})
}

func TestAForm(t *testing.T) {
	each(t, ops("PostObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		fields := map[string]string{
			pick(s, "x-obs-", "x-amz-") + "acl":         "public-read",
			pick(s, "x-obs-", "x-amz-") + "meta-colour": "blue",
			"content-type":          "text/x-letters",
			"success_action_status": "201",
		}
		made := accept(s.client.CreateBrowserBasedSignature(&obs.CreateBrowserBasedSignatureInput{
			Bucket: bucket, Key: "form/ü", Expires: 60, FormParams: fields,
			RangeParams: []obs.ConditionRange{{RangeName: "content-length-range", Lower: 1, Upper: 100}},
		}))(t)
		fields["key"] = "form/ü"
		fields["policy"], fields["signature"] = made.Policy, made.Signature
		fields[pick(s, "AccessKeyId", "AWSAccessKeyId")] = rootAccessKey
		answer, document := s.post(bucket, fields, alphabet)
		s.check("status", answer.StatusCode, 201)
		s.check("etag", answer.Header.Get("ETag"), etag(alphabet))
		s.check("has a document", strings.Contains(document, "<PostResponse"), true)
		s.checkContent(bucket, "form/ü", alphabet)
		head := s.head(bucket, "form/ü")
		s.check("type", head.ContentType, "text/x-letters")
		s.check("metadata", head.Metadata, map[string]string{"colour": "blue"})
		accept(s.tryGet(s.nobody(), bucket, "form/ü"))(t)

		answer, _ = s.post(bucket, fields, strings.Repeat("x", 101))
		s.check("status of too much", answer.StatusCode, 400)
		fields["key"] = "other"
		answer, _ = s.post(bucket, fields, alphabet)
		s.check("status of another key", answer.StatusCode, 403)
		fields["key"], fields["signature"] = "form/ü", "AAAA"
		answer, _ = s.post(bucket, fields, alphabet)
		s.check("status of a wrong signature", answer.StatusCode, 403)
		s.checkUsage(bucket, 26, 1)
	})
}

func TestTemporaryKeys(t *testing.T) {
	each(t, ops("PutObject", "GetObject", "PostObject"), func(t *testing.T, s *session) {
		account, owner := s.account()
		bucket := s.newName()
		accept(owner.CreateBucket(&obs.CreateBucketInput{Bucket: bucket}))(t)
		issue := func(arguments ...string) (issued key) {
			printed, err := theGateway.cli(append([]string{"key", "temporary", "--account", account, "--json"}, arguments...)...)
			if err == nil {
				err = json.Unmarshal([]byte(printed), &issued)
			}
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		issued := issue()
		client, _ := s.connect(issued)
		accept(s.tryPut(client, bucket, "a", alphabet))(t)
		accept(s.tryGet(client, bucket, "a"))(t)
		url, header := s.signAs(client, obs.HttpMethodGet, bucket, "a", "")
		answer, content := s.fetch("GET", url, nil, header)
		s.check("answer", fmt.Sprint(answer.StatusCode, content), fmt.Sprint(200, alphabet))

		made := accept(client.CreateBrowserBasedSignature(&obs.CreateBrowserBasedSignatureInput{Bucket: bucket, Key: "form"}))(t)
		answer, _ = s.post(bucket, map[string]string{
			"key": "form", "policy": made.Policy, "signature": made.Signature,
			pick(s, "AccessKeyId", "AWSAccessKeyId"):                issued.AccessKey,
			pick(s, "x-obs-security-token", "x-amz-security-token"): issued.SecurityToken,
		}, "x")
		s.check("status of a form", answer.StatusCode, 204)

		without, _ := s.connect(key{AccessKey: issued.AccessKey, SecretKey: issued.SecretKey})
		refuse(s.tryGet(without, bucket, "a"))(t, 403, "InvalidAccessKeyId")
		foreign, _ := s.connect(key{AccessKey: issued.AccessKey, SecretKey: issued.SecretKey, SecurityToken: issue().SecurityToken})
		refuse(s.tryGet(foreign, bucket, "a"))(t, 403, "InvalidSecurity")

		policy := filepath.Join(t.TempDir(), "policy")
		text := pick(s, `{"Statement":[{"Effect":"Allow","Action":["GetObject"],"Resource":["`+bucket+`/*"]}]}`,
			`{"Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::`+bucket+`/*"]}]}`)
		if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		narrow, _ := s.connect(issue("--policy", policy))
		accept(s.tryGet(narrow, bucket, "a"))(t)
		refuse(s.tryPut(narrow, bucket, "b", "b"))(t, 403, "AccessDenied")
		refuse(narrow.ListBuckets(nil))(t, 403, "AccessDenied")
	})
}
