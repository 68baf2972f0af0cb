package sdk

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

// counter counts the requests that carry one of these words in their query or headers, and breaks the n-th one off.
type counter struct {
	mutex  sync.Mutex
	seen   int
	broken int
}

func (c *counter) count(is bool) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !is {
		return nil
	}
	c.seen++
	if c.seen == c.broken {
		return errors.New("broken off by the test")
	}
	return nil
}

// transfers counts parts up and ranges down from now on, and breaks off the n-th of them.
func (s *session) transfers(breakOff int) *counter {
	c := &counter{broken: breakOff}
	s.tap.onRequest(func(request *http.Request) error {
		return c.count(request.URL.Query().Get("partNumber") != "" || len(request.Header["Range"]) > 0)
	})
	return c
}

func TestUploadOfAFile(t *testing.T) {
	each(t, ops("InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), func(t *testing.T, s *session) {
		bucket, folder := s.bucket(), t.TempDir()
		for _, size := range []int{0, partSize, 5*partSize + 1} {
			content := pattern(size)
			file := filepath.Join(folder, "file")
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			input := &obs.UploadFileInput{UploadFile: file, PartSize: partSize, TaskNum: 3, EnableCheckpoint: true}
			input.Bucket, input.Key, input.Metadata = bucket, "file", map[string]string{"colour": "blue"}
			whole := accept(s.client.UploadFile(input))(t)
			s.check("etag", s.head(bucket, "file").ETag, whole.ETag)
			s.check("metadata", s.head(bucket, "file").Metadata, map[string]string{"colour": "blue"})
			s.checkContent(bucket, "file", string(content))
			s.checkUsage(bucket, int64(size), 1)
		}
	})
}

func TestAnInterruptedUploadIsResumed(t *testing.T) {
	each(t, ops("InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), func(t *testing.T, s *session) {
		bucket, folder := s.bucket(), t.TempDir()
		content := pattern(4 * partSize)
		file := filepath.Join(folder, "file")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		input := &obs.UploadFileInput{
			UploadFile: file, PartSize: partSize, EnableCheckpoint: true, CheckpointFile: filepath.Join(folder, "checkpoint"),
		}
		input.Bucket, input.Key = bucket, "file"
		s.transfers(3)
		if _, err := s.client.UploadFile(input); err == nil || !strings.Contains(err.Error(), "broken off") {
			t.Fatalf("the upload was not interrupted: %v", err)
		}
		refuse(s.tryGet(s.client, bucket, "file"))(t, 404, "NoSuchKey")
		s.check("bytes", first2(s.usage(bucket)), 3*partSize)
		again := s.transfers(0)
		accept(s.client.UploadFile(input))(t)
		s.check("parts that were missing", again.seen, 1)
		s.checkContent(bucket, "file", string(content))
		s.checkUsage(bucket, int64(len(content)), 1)
		if _, err := os.Stat(input.CheckpointFile); !os.IsNotExist(err) {
			t.Error("the checkpoint is still there")
		}
	})
}

func TestDownloadOfAFile(t *testing.T) {
	each(t, ops("HeadObject", "GetObject"), func(t *testing.T, s *session) {
		bucket, folder := s.bucket(), t.TempDir()
		for _, size := range []int{0, 1000, 2500} {
			content := string(pattern(size))
			s.put(bucket, "a", content)
			file := filepath.Join(folder, "file")
			input := &obs.DownloadFileInput{DownloadFile: file, PartSize: 1000, TaskNum: 3, EnableCheckpoint: true}
			input.Bucket, input.Key, input.IfMatch = bucket, "a", etag(content)
			s.check("etag", accept(s.client.DownloadFile(input))(t).ETag, etag(content))
			found, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s.check("content", string(found), content)
		}
	})
}

func TestAnInterruptedDownloadIsResumed(t *testing.T) {
	each(t, ops("HeadObject", "GetObject"), func(t *testing.T, s *session) {
		bucket, folder := s.bucket(), t.TempDir()
		content := string(pattern(4000))
		s.put(bucket, "a", content)
		download := func() (*obs.GetObjectMetadataOutput, error) {
			input := &obs.DownloadFileInput{
				DownloadFile: filepath.Join(folder, "file"), PartSize: 1000, EnableCheckpoint: true,
				CheckpointFile: filepath.Join(folder, "checkpoint"),
			}
			input.Bucket, input.Key = bucket, "a"
			return s.client.DownloadFile(input)
		}
		s.transfers(3)
		if _, err := download(); err == nil || !strings.Contains(err.Error(), "broken off") {
			t.Fatalf("the download was not interrupted: %v", err)
		}
		again := s.transfers(0)
		accept(download())(t)
		s.check("pieces that were missing", again.seen, 1)
		found, err := os.ReadFile(filepath.Join(folder, "file"))
		if err != nil {
			t.Fatal(err)
		}
		s.check("content", string(found), content)

		// An object that has changed meanwhile is fetched anew.
		s.transfers(3)
		if _, err := download(); err == nil {
			t.Fatal("the download was not interrupted")
		}
		s.put(bucket, "a", strings.ToUpper(content)+"changed")
		again = s.transfers(0)
		accept(download())(t)
		s.check("pieces", again.seen, 5)
		found, _ = os.ReadFile(filepath.Join(folder, "file"))
		s.check("content", string(found), strings.ToUpper(content)+"changed")
	})
}
