# A small EKS cluster, Prometheus in it, and heald from its chart.

data "aws_availability_zones" "here" {
  state = "available"
}

module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "~> 5.13"

  name            = var.name
  cidr            = "10.42.0.0/16"
  azs             = slice(data.aws_availability_zones.here.names, 0, 2)
  private_subnets = ["10.42.0.0/20", "10.42.16.0/20"]
  public_subnets  = ["10.42.96.0/24", "10.42.97.0/24"]

  enable_nat_gateway = true
  single_nat_gateway = true
}

module "eks" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 20.24"

  cluster_name    = var.name
  cluster_version = "1.30"
  vpc_id          = module.vpc.vpc_id
  subnet_ids      = module.vpc.private_subnets

  cluster_endpoint_public_access           = true
  cluster_endpoint_public_access_cidrs     = var.api_access
  enable_cluster_creator_admin_permissions = true

  cluster_addons = {
    coredns    = {}
    kube-proxy = {}
    # Else a NetworkPolicy is taken and does nothing.
    vpc-cni = { configuration_values = jsonencode({ enableNetworkPolicy = "true" }) }
    # heald's journal is on a block device: EFS doesn't hold SQLite's locks.
    aws-ebs-csi-driver = { service_account_role_arn = module.ebs_csi.iam_role_arn }
  }

  # Two groups: heald isn't on the nodes that it drains.
  eks_managed_node_groups = {
    work = {
      instance_types = ["t3.large"]
      min_size       = 3
      max_size       = 6
      desired_size   = 3
    }
    watch = {
      instance_types = ["t3.medium"]
      min_size       = 1
      max_size       = 1
      desired_size   = 1
      labels         = { "heald/role" = "watch" }
      taints         = { watch = { key = "heald/role", value = "watch", effect = "NO_SCHEDULE" } }
    }
  }
}

module "ebs_csi" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts-eks"
  version = "~> 5.44"

  role_name             = "${var.name}-ebs-csi"
  attach_ebs_csi_policy = true

  oidc_providers = {
    main = {
      provider_arn               = module.eks.oidc_provider_arn
      namespace_service_accounts = ["kube-system:ebs-csi-controller-sa"]
    }
  }
}

# With kube-state-metrics and node-exporter, whose samples the packs ask for.
resource "helm_release" "prometheus" {
  name             = "prometheus"
  repository       = "https://prometheus-community.github.io/helm-charts"
  chart            = "prometheus"
  version          = "25.27.0"
  namespace        = "monitoring"
  create_namespace = true

  # EKS has no default class any more; some packs need more than a sample a minute.
  values = [yamlencode({
    server = {
      global           = { scrape_interval = "30s" }
      persistentVolume = { storageClass = "gp2" }
    }
    alertmanager = { persistence = { storageClass = "gp2" } }
  })]

  depends_on = [module.eks]
}

resource "helm_release" "heald" {
  name             = "heald"
  chart            = "${path.module}/../../configs/deploy/helm/heald"
  namespace        = "heald"
  create_namespace = true

  values = compact([
    yamlencode({
      image         = var.image
      pipeline      = var.pipeline
      prometheusUrl = "http://prometheus-server.monitoring.svc"
      persistence   = { storageClass = "gp2" }
      nodeSelector  = { "heald/role" = "watch" }
      tolerations   = [{ key = "heald/role", operator = "Equal", value = "watch", effect = "NoSchedule" }]
    }),
    var.rights,
  ])

  depends_on = [helm_release.prometheus]
}
