// A producer and a consumer on go-nsq, for interop/nsq-clients.test.ts:
//
//	go-nsq produce --nsqd=A --topic=T --count=N [options]
//	go-nsq consume (--nsqd=A | --lookupd=URL) --topic=T --channel=C --count=N [--misbehave] [options]
//	options: --tls=CA.pem --compress=snappy|deflate --secret=S
//
// produce publishes the bodies "0 xx…" to "N-1 xx…", each until it is acknowledged. consume ends when it has finished every one of
// them, and prints {"unique": N, "deliveries": M}. With --misbehave it requeues every fourth message once, lets every fourth one
// time out once, and touches every fourth one beyond its time-out.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nsqio/go-nsq"
)

var (
	nsqd      = flag.String("nsqd", "", "")
	lookupd   = flag.String("lookupd", "", "")
	topic     = flag.String("topic", "", "")
	channel   = flag.String("channel", "", "")
	count     = flag.Int("count", 0, "")
	misbehave = flag.Bool("misbehave", false, "")
	tls       = flag.String("tls", "", "")
	compress  = flag.String("compress", "", "")
	secret    = flag.String("secret", "", "")
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("produce or consume")
	}
	if err := flag.CommandLine.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	config := newConfig()
	if os.Args[1] == "produce" {
		produce(config)
	} else {
		consume(config)
	}
}

func newConfig() *nsq.Config {
	config := nsq.NewConfig()
	set := func(name string, value interface{}) {
		if err := config.Set(name, value); err != nil {
			log.Fatal(err)
		}
	}
	set("max_in_flight", 20)
	set("max_attempts", 0)
	set("lookupd_poll_interval", "500ms")
	set("max_backoff_duration", 0)
	if *misbehave {
		set("msg_timeout", "1s")
	}
	if *tls != "" {
		set("tls_v1", true)
		set("tls_root_ca_file", *tls)
	}
	if *compress != "" {
		set(*compress, true)
	}
	if *secret != "" {
		set("auth_secret", *secret)
	}
	return config
}

func produce(config *nsq.Config) {
	producer, err := nsq.NewProducer(*nsqd, config)
	if err != nil {
		log.Fatal(err)
	}
	producer.SetLoggerLevel(nsq.LogLevelMax)
	for i := 0; i < *count; i++ {
		body := []byte(fmt.Sprintf("%d %s", i, strings.Repeat("x", i*97%5000)))
		for tries := 0; producer.Publish(*topic, body) != nil; tries++ {
			if tries == 200 {
				log.Fatal("nobody takes messages")
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	producer.Stop()
	fmt.Printf("published %d\n", *count)
}

type handler struct {
	mutex      sync.Mutex
	finished   map[int]bool
	deliveries int
	done       chan bool
}

func consume(config *nsq.Config) {
	consumer, err := nsq.NewConsumer(*topic, *channel, config)
	if err != nil {
		log.Fatal(err)
	}
	consumer.SetLoggerLevel(nsq.LogLevelMax)
	h := &handler{finished: map[int]bool{}, done: make(chan bool, 1)}
	consumer.AddConcurrentHandlers(h, 20)
	if *lookupd != "" {
		err = consumer.ConnectToNSQLookupd(*lookupd)
	} else {
		err = consumer.ConnectToNSQD(*nsqd)
	}
	if err != nil {
		log.Fatal(err)
	}
	<-h.done
	consumer.Stop()
	// What timed out was never answered, and go-nsq would wait for it.
	if *misbehave {
		time.Sleep(300 * time.Millisecond)
	} else {
		<-consumer.StopChan
	}
	fmt.Printf("{\"unique\":%d,\"deliveries\":%d}\n", len(h.finished), h.deliveries)
}

func (h *handler) HandleMessage(message *nsq.Message) error {
	message.DisableAutoResponse()
	index, err := strconv.Atoi(strings.SplitN(string(message.Body), " ", 2)[0])
	if err != nil || len(message.Body) != len(strconv.Itoa(index))+1+index*97%5000 {
		log.Fatalf("a message is not as it was published: %q", message.Body)
	}
	h.mutex.Lock()
	h.deliveries++
	h.mutex.Unlock()
	if *misbehave && message.Attempts == 1 {
		switch index % 4 {
		case 1:
			message.RequeueWithoutBackoff(0)
			return nil
		case 2:
			return nil
		case 3:
			for i := 0; i < 3; i++ {
				time.Sleep(500 * time.Millisecond)
				message.Touch()
			}
		}
	}
	message.Finish()
	h.mutex.Lock()
	h.finished[index] = true
	all := len(h.finished) == *count
	h.mutex.Unlock()
	if all {
		select {
		case h.done <- true:
		default:
		}
	}
	return nil
}
