import io.camunda.zeebe.client.ZeebeClient;
import io.camunda.zeebe.client.api.worker.JobWorker;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/** The official Java client as one side of the benchmark: obeys the same lines as contender.py. */
public final class JavaClient {
  private static final int RUNNING = 128;
  private static final PrintStream ANSWERS = System.out;
  private final ZeebeClient client;
  private final boolean streaming;
  private final AtomicInteger completed = new AtomicInteger();
  private JobWorker worker;

  private JavaClient(final String address, final boolean streaming) {
    this.streaming = streaming;
    client =
        ZeebeClient.newClientBuilder()
            .gatewayAddress(address)
            .usePlaintext()
            .numJobWorkerExecutionThreads(2)
            .build();
  }

  public static void main(final String[] arguments) throws Exception {
    System.setOut(System.err); // where the client's log goes
    final JavaClient side = new JavaClient(arguments[0], arguments[1].equals("java-streaming"));
    final BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      side.obey(line.split(" "));
    }
    side.client.close();
  }

  private void obey(final String[] words) throws Exception {
    switch (words[0]) {
      case "drain" -> say(drain(words[1], Integer.parseInt(words[2]), Double.parseDouble(words[3])));
      case "serve" -> {
        open(words[1]);
        say("{}");
      }
      case "stop" -> {
        worker.close();
        say("{}");
      }
      default -> throw new IllegalArgumentException(words[0]);
    }
  }

  private String drain(final String type, final int count, final double limit) throws Exception {
    completed.set(0);
    final long began = System.nanoTime();
    open(type);
    while (completed.get() < count && System.nanoTime() - began < limit * 1e9) {
      Thread.sleep(5);
    }
    final double seconds = (System.nanoTime() - began) / 1e9;
    final int done = completed.get();
    worker.close();
    return "{\"seconds\": " + seconds + ", \"jobs\": " + done + "}";
  }

  private void open(final String type) {
    worker =
        client
            .newWorker()
            .jobType(type)
            .handler(
                (jobs, job) ->
                    jobs.newCompleteCommand(job.getKey())
                        .send()
                        .thenRun(completed::incrementAndGet))
            .maxJobsActive(RUNNING)
            .timeout(Duration.ofSeconds(60))
            .streamEnabled(streaming)
            .open();
  }

  private static void say(final String line) {
    ANSWERS.println(line);
    ANSWERS.flush();
  }
}
