resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = merge(var.tags, { Name = var.name })

  lifecycle {
    precondition {
      condition     = var.nat == "none" || anytrue([for tier in values(var.tiers) : tier.kind == "public"])
      error_message = "A NAT gateway needs a public tier: add one, or set nat to none."
    }

    precondition {
      condition     = length(var.endpoints.interface) == 0 || contains(keys(var.tiers), var.endpoints.tier)
      error_message = "The endpoints.tier is not among the tiers."
    }
  }
}

# The group that AWS puts things into when nobody says which: lets nothing through.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = "${var.name}-closed" })
}

locals {
  # Each tier's range, cut into one part per zone; the zones' number rounded up to a power of two.
  bits = ceil(log(length(var.zones), 2))

  subnets = merge([
    for tier, spec in var.tiers : {
      for index, zone in var.zones : "${tier}-${zone}" => {
        tier = tier
        zone = zone
        kind = spec.kind
        cidr = cidrsubnet(spec.cidr, local.bits, index)
        tags = spec.tags
      }
    }
  ]...)

  public    = { for key, subnet in local.subnets : key => subnet if subnet.kind == "public" }
  nat_zones = { none = [], one = slice(var.zones, 0, 1), per-zone = var.zones }[var.nat]

  # The public subnet of each zone that a NAT gateway goes into: the first tier by name.
  nat_subnets = { for zone in local.nat_zones : zone => sort([for key, subnet in local.public : key if subnet.zone == zone])[0] if length(local.public) > 0 }
}

resource "aws_subnet" "this" {
  for_each = local.subnets

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value.zone
  cidr_block              = each.value.cidr
  map_public_ip_on_launch = false
  tags                    = merge(var.tags, each.value.tags, { Name = "${var.name}-${each.key}", Tier = each.value.tier })
}
