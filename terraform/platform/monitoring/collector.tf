# What the collector (AWS Distro for OpenTelemetry) is to do, for the chart: read /metrics of each worker once a minute,
# and write the figures of metrics.json as metrics of the namespace Sluis.
locals {
  collector = {
    receivers = {
      prometheus = {
        config = {
          scrape_configs = [{
            job_name              = "sluis"
            scrape_interval       = "60s"
            kubernetes_sd_configs = [{ role = "pod", namespaces = { names = [var.namespace] } }]
            relabel_configs = [
              { source_labels = ["__meta_kubernetes_pod_label_app_kubernetes_io_name"], regex = "sluis", action = "keep" },
              { source_labels = ["__meta_kubernetes_pod_container_port_name"], regex = "web", action = "keep" },
              { source_labels = ["__meta_kubernetes_pod_name"], target_label = "pod" },
              { target_label = "Installation", replacement = var.name },
            ]
          }]
        }
      }
    }

    exporters = {
      awsemf = {
        namespace               = local.namespace
        region                  = data.aws_region.this.region
        log_group_name          = module.log_group["metrics"].name
        log_stream_name         = "collector"
        dimension_rollup_option = "NoDimensionRollup"
        metric_declarations = [
          for name in sort(keys(local.metrics)) : {
            dimensions            = local.metrics[name].dimensions
            metric_name_selectors = ["^${name}$"]
          }
        ]
      }
    }

    # What the chart's probes ask.
    extensions = { health_check = { endpoint = "0.0.0.0:13133" } }

    service = {
      extensions = ["health_check"]
      pipelines  = { metrics = { receivers = ["prometheus"], exporters = ["awsemf"] } }
    }
  }
}
